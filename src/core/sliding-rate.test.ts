import assert from "node:assert/strict";
import { test } from "node:test";
import { SlidingRate } from "./sliding-rate.ts";

test("the rate is the mean over the last seconds, however unevenly the total is told", () => {
  const rate = new SlidingRate();
  assert.equal(rate.perSecond, 0);
  for (let ms = 0; ms <= 10_000; ms += 500) rate.note(Math.floor(ms / 1000) * 2000, ms);
  assert.ok(Math.abs(rate.perSecond - 2000) < 500, `${rate.perSecond}`);
  for (let ms = 10_500; ms <= 14_000; ms += 500) rate.note(20_000, ms);
  assert.equal(rate.perSecond, 0);
});

test("a total that begins anew is no negative rate", () => {
  const rate = new SlidingRate();
  rate.note(5000, 0);
  rate.note(9000, 500);
  rate.note(100, 1000);
  assert.equal(rate.perSecond, 0);
  rate.note(1100, 2000);
  assert.equal(rate.perSecond, 1000);
});
