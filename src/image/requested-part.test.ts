import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maxParts, type RequestedPart, requestedPart } from "./requested-part.ts";

const etag = '"sha256:1"';
const of = (range: string | undefined, length: number | null = 100, ifRange?: string): RequestedPart =>
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
    ["Bytes=10-19", part(10, 19)],
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
  assert.deepEqual(of("bytes=0-0", 100, `W/${etag}`), { kind: "whole" });
  assert.deepEqual(of("bytes=0-0,5-6", 100, '"sha256:2"'), { kind: "whole" });
  assert.deepEqual(of("bytes=0-0", null), { kind: "whole" });
  assert.deepEqual(of("bytes=0-", 0), { kind: "beyond" });
});

test("several ranges are several parts, less what cannot be and what is asked for twice", () => {
  const parts = (...runs: readonly (readonly [number, number])[]) => ({
    kind: "parts",
    parts: runs.map(([first, last]) => ({ first, last })),
  });
  for (const [range, expected] of [
    ["bytes=0-1,5-6", parts([0, 1], [5, 6])],
    ["bytes= 90- ,, 0-0 ", parts([90, 99], [0, 0])],
    ["bytes=-1,0-9,10-19", parts([99, 99], [0, 9], [10, 19])],
    ["bytes=0-9,50-60,5-15,70-70,10-55", parts([0, 60], [70, 70])],
    ["bytes=0-9,100-200", part(0, 9)],
    ["bytes=0-,-5", part(0, 99)],
    ["bytes=100-,200-300", { kind: "beyond" }],
    ["bytes=0-1,x", { kind: "whole" }],
    ["bytes=0-1,9-8", { kind: "whole" }],
    ["bytes=,", { kind: "whole" }],
  ] as const) {
    assert.deepEqual(of(range), expected, range);
  }
  const many = (count: number): string => `bytes=${Array.from({ length: count }, (_, at) => `${at * 2}-${at * 2}`)}`;
  const [most, more] = [of(many(maxParts), 1000), of(many(maxParts + 1), 1000)];
  assert.equal(most.kind === "parts" && most.parts.length, maxParts);
  assert.equal(more.kind, "whole");
});

test("whatever ranges are drawn, each byte that was asked for is in just one part and no other byte in any", () => {
  const run = fc.tuple(fc.nat(120), fc.nat(40)).map(([first, more]) => ({ first, last: first + more }));
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 12 }), (runs) => {
      const given = of(`bytes=${runs.map(({ first, last }) => `${first}-${last}`)}`);
      const parts = given.kind === "parts" ? given.parts : given.kind === "part" ? [given] : [];
      for (let byte = 0; byte < 100; byte++) {
        const asked = runs.some(({ first, last }) => first <= byte && byte <= last);
        const holding = parts.filter(({ first, last }) => first <= byte && byte <= last);
        assert.equal(holding.length, asked ? 1 : 0, `byte ${byte}`);
      }
      assert.ok(parts.every(({ first, last }) => first >= 0 && last < 100));
    }),
  );
});
