import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { seededRandom } from "../core/random.ts";
import { parseFaults, strikesAtMs, struckHosts } from "./fault.ts";

test("faults are read with their defaults, rates with their units", () => {
  const [die, slow] = parseFaults(
    '{"faults": [{"kind": "die", "share": 0.1, "at": [0, 8]}, {"kind": "slow", "hosts": [3], "up": "10Mbps"}]}',
  );
  assert.deepEqual([die?.kind, die?.share, die?.at], ["die", 0.1, [0, 8]]);
  assert.deepEqual([slow?.up, slow?.at], [1_250_000, 0]);
});

test("what is not understood is refused as the caller's mistake", () => {
  for (const text of [
    "{",
    "[]",
    '{"faults": [{"kind": "explode", "share": 1}]}',
    '{"faults": [{"kind": "die"}]}',
    '{"faults": [{"kind": "die", "share": 1, "hosts": [1]}]}',
    '{"faults": [{"kind": "slow", "share": 1, "up": "fast"}]}',
  ]) {
    assert.throws(
      () => parseFaults(text),
      (error) => error instanceof DragonflyError && error.blame === "caller",
      text,
    );
  }
});

test("a share strikes so many different hosts, within the time given", () => {
  const [fault] = parseFaults('{"faults": [{"kind": "die", "share": 0.25, "at": [1, 2]}]}');
  assert.ok(fault !== undefined);
  const random = seededRandom(1);
  const struck = struckHosts(fault, 100, random);
  assert.equal(new Set(struck).size, 25);
  for (let i = 0; i < 20; i++) {
    const atMs = strikesAtMs(fault, random);
    assert.ok(atMs >= 1000 && atMs < 2000);
  }
});
