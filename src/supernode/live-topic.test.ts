import assert from "node:assert/strict";
import { test } from "node:test";
import { EventDecoder } from "../wire/event-text.ts";
import { type LiveReader, LiveTopic } from "./live-topic.ts";

class Reader implements LiveReader {
  behind = false;
  heard: string[] = [];
  readonly #decoder = new EventDecoder();

  send(text: string): void {
    for (const { event, data } of this.#decoder.push(text)) {
      const { topic, ...rest } = JSON.parse(data);
      assert.equal(topic, "cluster");
      this.heard.push(`${event} ${JSON.stringify(rest)}`);
    }
  }
}

function stage() {
  let closed = 0;
  let reads = 0;
  const state = { a: 1, b: { c: 2 } };
  const topic = new LiveTopic("cluster", {
    read: () => {
      reads++;
      return structuredClone(state);
    },
    close: () => closed++,
  });
  return { topic, state, counts: () => ({ reads, closed }) };
}

test("a reader hears the state once, then what changed, and nothing when nothing did", () => {
  const { topic, state } = stage();
  const reader = new Reader();
  topic.join(reader, 0);
  state.b.c = 3;
  topic.tick(1);
  topic.tick(2);
  assert.deepEqual(reader.heard, ['snapshot {"state":{"a":1,"b":{"c":2}}}', 'patch {"patch":{"b":{"c":3}}}']);
});

test("one that does not keep up gets the state anew instead of what it missed, and holds nobody up", () => {
  const { topic, state } = stage();
  const [slow, other] = [new Reader(), new Reader()];
  for (const reader of [slow, other]) topic.join(reader, 0);
  slow.behind = true;
  for (let now = 1; now <= 5; now++) {
    state.a = now + 1;
    topic.tick(now);
  }
  assert.equal(slow.heard.length, 1);
  assert.equal(other.heard.length, 6);
  slow.behind = false;
  topic.tick(6);
  state.a = 0;
  topic.tick(7);
  assert.deepEqual(slow.heard.slice(1), ['snapshot {"state":{"a":6,"b":{"c":2}}}', 'patch {"patch":{"a":0}}']);
});

test("the state is read once for all, and its source is told when the last one leaves", () => {
  const { topic, counts } = stage();
  const readers = [new Reader(), new Reader(), new Reader()];
  for (const reader of readers) topic.join(reader, 0);
  topic.tick(1);
  assert.deepEqual(counts(), { reads: 2, closed: 0 });
  for (const reader of readers) topic.leave(reader);
  assert.deepEqual(counts(), { reads: 2, closed: 1 });
});
