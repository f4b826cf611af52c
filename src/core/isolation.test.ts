import assert from "node:assert/strict";
import { test } from "node:test";
import { Isolation } from "./isolation.ts";

const tuning = { afterFaults: 3, windowMs: 1000, firstMs: 500, maxMs: 1500, probationMs: 2000 };

function isolated(atMs = 0): Isolation {
  const isolation = new Isolation(tuning);
  for (let i = 0; i < 3; i++) isolation.fault(atMs);
  return isolation;
}

test("enough faults within the window isolate, and fewer or older ones do not", () => {
  const isolation = new Isolation(tuning);
  assert.deepEqual(
    [0, 900, 1901, 2000, 2100].map((atMs) => isolation.fault(atMs)),
    [false, false, false, false, true],
  );
  assert.equal(isolation.untilMs, 2600);
});

test("after it comes probation, where one fault is enough and isolates twice as long", () => {
  const isolation = isolated();
  assert.equal(isolation.fault(499), false);
  assert.equal(isolation.advance(500), "probation");
  assert.equal(isolation.fault(600), true);
  assert.equal(isolation.untilMs, 1600);
});

test("it never lasts longer than the most", () => {
  const isolation = isolated();
  for (let i = 0; i < 5; i++) isolation.isolate(0);
  assert.equal(isolation.untilMs, 1500);
});

test("a probation without a fault ends with all forgotten, however late anybody looks", () => {
  const isolation = isolated();
  assert.equal(isolation.advance(2500), "free");
  assert.equal(isolation.times, 0);
  assert.equal(isolation.fault(2600), false);
});

test("a success forgives what has not isolated yet, and ends a probation", () => {
  const isolation = new Isolation(tuning);
  isolation.fault(0);
  isolation.fault(0);
  isolation.succeed();
  assert.equal(isolation.fault(0), false);
  const released = isolated();
  released.advance(500);
  released.succeed();
  assert.equal(released.state, "free");
});

test("what alone must not isolate counts, and the next fault that may does", () => {
  const isolation = new Isolation(tuning);
  for (let i = 0; i < 4; i++) assert.equal(isolation.fault(0, false), false);
  assert.equal(isolation.fault(0), true);
});
