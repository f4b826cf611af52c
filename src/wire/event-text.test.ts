import assert from "node:assert/strict";
import { test } from "node:test";
import { EventDecoder, eventText } from "./event-text.ts";

test("events come out as they went in, however the text is cut", () => {
  const text = `retry: 1000\n\n${eventText("snapshot", '{"a":1}')}: nothing\n\n${eventText("patch", "{}")}data: a\ndata: b\n\n`;
  for (let cut = 1; cut < text.length; cut++) {
    const decoder = new EventDecoder();
    const events = [...decoder.push(text.slice(0, cut)), ...decoder.push(text.slice(cut))];
    assert.deepEqual(events, [
      { event: "snapshot", data: '{"a":1}' },
      { event: "patch", data: "{}" },
      { event: "message", data: "a\nb" },
    ]);
  }
});
