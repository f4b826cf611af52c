import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId } from "./ids.ts";
import { schedulerTuning } from "./scheduler-tuning.ts";
import { type StrikeReason, Strikes } from "./strikes.ts";

function strike(atMs: number, by: string | undefined, reason: StrikeReason = "corrupt") {
  return { reason, atMs, by: by as HostId | undefined, version: undefined };
}

test("three strikes within the window by more than one accuser isolate", () => {
  const strikes = new Strikes();
  assert.equal(strikes.add(strike(0, "a"), schedulerTuning), false);
  assert.equal(strikes.add(strike(1, "b"), schedulerTuning), false);
  assert.equal(strikes.add(strike(2, "a"), schedulerTuning), true);
  assert.equal(strikes.isolatedUntilMs, 30_002);
});

test("strikes that are long past do not count", () => {
  const strikes = new Strikes();
  strikes.add(strike(0, "a"), schedulerTuning);
  strikes.add(strike(0, "b"), schedulerTuning);
  assert.equal(strikes.add(strike(60_001, "c"), schedulerTuning), false);
});

test("each further isolation lasts twice as long, up to the most", () => {
  const strikes = new Strikes();
  const lengths: number[] = [];
  for (let i = 0; i < 10; i++) {
    strikes.add(strike(0, undefined, "operator"), schedulerTuning);
    lengths.push(strikes.isolatedUntilMs ?? 0);
    strikes.release();
  }
  assert.deepEqual(lengths.slice(0, 3), [30_000, 60_000, 120_000]);
  assert.equal(lengths.at(-1), schedulerTuning.maxIsolateMs);
});

test("an isolated host is not isolated again, and the evidence stays bounded", () => {
  const strikes = new Strikes();
  strikes.add(strike(0, undefined, "operator"), schedulerTuning);
  for (let i = 0; i < 100; i++) assert.equal(strikes.add(strike(i, `${i}`), schedulerTuning), false);
  assert.equal(strikes.list.length, 32);
});
