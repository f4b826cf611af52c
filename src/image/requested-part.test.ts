import assert from "node:assert/strict";
import { test } from "node:test";
import { requestedPart } from "./requested-part.ts";

const etag = '"sha256:1"';
const of = (range: string | undefined, length: number | null = 100, ifRange?: string) =>
  requestedPart({ range, "if-range": ifRange }, { length, etag });
const part = (first: number, last: number) => ({ kind: "part", first, last });

test("a range is answered as RFC 9110 has it", () => {
  for (const [range, expected] of [
    [undefined, { kind: "whole" }],
    ["bytes=0-0", part(0, 0)],
    ["bytes=99-99", part(99, 99)],
    ["bytes=10-", part(10, 99)],
    ["bytes=10-1000", part(10, 99)],
    ["bytes=-1", part(99, 99)],
    ["bytes=-1000", part(0, 99)],
    ["bytes=100-", { kind: "beyond" }],
    ["bytes=-0", { kind: "beyond" }],
    ["bytes=0-1,5-6", { kind: "whole" }],
    ["bytes=5-4", { kind: "whole" }],
    ["bytes=-", { kind: "whole" }],
    ["pieces=0-1", { kind: "whole" }],
  ] as const) {
    assert.deepEqual(of(range), expected, range);
  }
});

test("If-Range that names something else, and a length that nobody knows, mean the whole", () => {
  assert.deepEqual(of("bytes=0-0", 100, etag), part(0, 0));
  assert.deepEqual(of("bytes=0-0", 100, '"sha256:2"'), { kind: "whole" });
  assert.deepEqual(of("bytes=0-0", null), { kind: "whole" });
  assert.deepEqual(of("bytes=0-", 0), { kind: "beyond" });
});
