import assert from "node:assert/strict";
import { test } from "node:test";
import { backgroundRate, backgroundRateOf } from "./background-rate.ts";

const table: readonly (readonly [ownRate: number, isWaitedFor: boolean, rate: number])[] = [
  [0, false, 0],
  [5e6, false, 5e6],
  [0, true, backgroundRate],
  [5e6, true, backgroundRate],
  [5e5, true, 5e5],
];

for (const [ownRate, isWaitedFor, rate] of table) {
  test(`limited to ${ownRate}, ${isWaitedFor ? "with" : "without"} anybody waiting for another, it may take ${rate}`, () => {
    assert.equal(backgroundRateOf(ownRate, isWaitedFor), rate);
  });
}
