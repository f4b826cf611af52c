import assert from "node:assert/strict";
import { test } from "node:test";
import type { VersionId } from "../core/ids.ts";
import { chooseEvictions, type EvictionCandidate } from "./eviction.ts";

const nowMs = 1_000_000;
const candidate = (id: string, bytes: number, agoMs: number, busy = false): EvictionCandidate => ({
  id: id as VersionId,
  bytes,
  usedAtMs: nowMs - agoMs,
  busy,
});
const three = [candidate("young", 10, 5000), candidate("old", 10, 90_000), candidate("middle", 10, 50_000)];

const table: readonly [string, readonly EvictionCandidate[], number, readonly string[] | undefined][] = [
  ["the oldest goes first", three, 10, ["old"]],
  ["as many go as are needed", three, 11, ["old", "middle"]],
  ["all may go", three, 30, ["old", "middle", "young"]],
  ["none goes when all are not enough", three, 31, undefined],
  ["none goes when nothing is needed", three, 0, []],
  ["a busy one stays", [candidate("busy", 10, 90_000, true), candidate("idle", 10, 9000)], 10, ["idle"]],
  ["one used in the last seconds stays", [candidate("recent", 10, 2999)], 1, undefined],
  [
    "one whose bytes are none is not worth it",
    [candidate("empty", 0, 90_000), candidate("full", 5, 9000)],
    5,
    ["full"],
  ],
  ["a clock set back evicts what seems to come", [candidate("tomorrow", 10, -90_000)], 10, ["tomorrow"]],
];

for (const [name, candidates, needed, chosen] of table) {
  test(name, () => assert.deepEqual(chooseEvictions(candidates, needed, nowMs), chosen));
}
