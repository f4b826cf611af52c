import assert from "node:assert/strict";
import { test } from "node:test";
import { RateGate } from "./rate-gate.ts";

const KIB = 1024;
const never = new AbortController().signal;

test("without a limit everything passes", () => {
  const gate = new RateGate(0);
  for (let i = 0; i < 1000; i++) assert.ok(gate.pass(1e9));
});

test("what passes keeps to the rate by the clock", async () => {
  const start = performance.now();
  const gate = new RateGate(10_000_000);
  let passed = 0;
  while (passed < 500_000) {
    if (gate.pass(50_000)) passed += 50_000;
    else await gate.wait(never);
    const elapsed = performance.now() - start;
    assert.ok(passed <= 100_000 + 50_000 + elapsed * 10_000, `${passed} bytes in ${elapsed} ms`);
  }
});

test("those who wait pass in turn, and nobody goes before them", async () => {
  const gate = new RateGate(64 * KIB * 100);
  assert.ok(gate.pass(128 * KIB));
  const passed: number[] = [];
  const waits = [1, 2, 3].map(async (n) => {
    do await gate.wait(never);
    while (!gate.pass(1));
    passed.push(n);
  });
  assert.ok(!gate.pass(1));
  await Promise.all(waits);
  assert.deepEqual(passed, [1, 2, 3]);
});

test("a wait can be given up, before and while it lasts", async () => {
  const gate = new RateGate(1);
  gate.pass(1e9);
  const given = new AbortController();
  const wait = gate.wait(given.signal);
  given.abort();
  await assert.rejects(wait, { code: "interrupted" });
  await assert.rejects(gate.wait(given.signal), { code: "interrupted" });
});

test("lifting the limit wakes those who wait", async () => {
  const gate = new RateGate(1);
  gate.pass(1e9);
  const wait = Promise.all([gate.wait(never), gate.wait(never)]);
  gate.setRate(0);
  await wait;
  assert.ok(gate.pass(1e9));
});
