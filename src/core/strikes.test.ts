import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId } from "./ids.ts";
import { schedulerTuning } from "./scheduler-tuning.ts";
import { type StrikeReason, Strikes } from "./strikes.ts";

const { isolation } = schedulerTuning;

function strike(atMs: number, by: string | undefined, reason: StrikeReason = "corrupt") {
  return { reason, atMs, by: by as HostId | undefined, version: undefined };
}

test("three strikes within the window by more than one accuser isolate", () => {
  const strikes = new Strikes();
  assert.equal(strikes.add(strike(0, "a"), schedulerTuning), false);
  assert.equal(strikes.add(strike(1, "b"), schedulerTuning), false);
  assert.equal(strikes.add(strike(2, "a"), schedulerTuning), true);
  assert.equal(strikes.isolation.untilMs, 30_002);
});

test("any number of strikes by one accuser do not isolate", () => {
  const strikes = new Strikes();
  for (let atMs = 0; atMs < 20; atMs++) assert.equal(strikes.add(strike(atMs, "a"), schedulerTuning), false);
  assert.equal(strikes.add(strike(20, "b"), schedulerTuning), true);
});

test("strikes that are long past do not count", () => {
  const strikes = new Strikes();
  strikes.add(strike(0, "a"), schedulerTuning);
  strikes.add(strike(0, "b"), schedulerTuning);
  assert.equal(strikes.add(strike(60_001, "c"), schedulerTuning), false);
});

test("on probation a strike by one more accuser isolates again, twice as long", () => {
  const strikes = new Strikes();
  strikes.add(strike(0, undefined, "operator"), schedulerTuning);
  strikes.isolation.advance(isolation.firstMs);
  assert.equal(strikes.onProbation, true);
  assert.equal(strikes.add(strike(isolation.firstMs, "a"), schedulerTuning), true);
  assert.equal(strikes.isolation.untilMs, 3 * isolation.firstMs);
});

test("an isolated host is not isolated again, and the evidence stays bounded", () => {
  const strikes = new Strikes();
  strikes.add(strike(0, undefined, "operator"), schedulerTuning);
  for (let i = 0; i < 100; i++) assert.equal(strikes.add(strike(i, `${i}`), schedulerTuning), false);
  assert.equal(strikes.list.length, 32);
});
