import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "./rate-meter.ts";

test("a rate is told once a quarter of a second is over, and is smoothed from then on", () => {
  const meter = new RateMeter();
  meter.add(1000, 5000);
  meter.add(1000, 5100);
  assert.equal(meter.bytesPerSecond, 0);
  meter.add(1000, 5300);
  assert.equal(meter.bytesPerSecond, 10_000);
  meter.add(1000, 5800);
  assert.equal(meter.bytesPerSecond, 6000);
});

test("what is known to have begun before the first bytes is measured from there", () => {
  const meter = new RateMeter(0);
  meter.add(1000, 500);
  assert.equal(meter.bytesPerSecond, 2000);
});
