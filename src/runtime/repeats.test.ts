import assert from "node:assert/strict";
import { test } from "node:test";
import { Repeats } from "./repeats.ts";

test("what happens again is said after a minute, with how often it happened", () => {
  const repeats = new Repeats();
  const times = (what: string, ...atMs: readonly number[]): number[] => atMs.map((now) => repeats.toSay(what, now));
  assert.deepEqual(times("a", 0, 1, 59_999, 60_000, 60_001, 200_000), [1, 0, 0, 3, 0, 2]);
  assert.deepEqual(times("b", 200_000), [1]);
});

test("of a thousand others the oldest is forgotten, and what is said stays", () => {
  const repeats = new Repeats();
  for (let nth = 0; nth <= 1000; nth++) assert.equal(repeats.toSay(String(nth), 0), 1);
  assert.equal(repeats.toSay("1000", 1), 0);
  assert.equal(repeats.toSay("1", 1), 0);
  assert.equal(repeats.toSay("0", 1), 1);
});
