import assert from "node:assert/strict";
import { test } from "node:test";
import type { VersionId } from "../core/ids.ts";
import { chooseEvictions, type EvictionCandidate, worthAsking } from "./eviction.ts";

const nowMs = 1_000_000;
const candidate = (id: string, bytes: number, agoMs: number, busy = false): EvictionCandidate => ({
  id: id as VersionId,
  bytes,
  usedAtMs: nowMs - agoMs,
  busy,
  last: false,
});
const last = (one: EvictionCandidate): EvictionCandidate => ({ ...one, last: true });
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
  [
    "what nobody else has goes after what others have",
    [last(candidate("old", 10, 90_000)), candidate("young", 10, 5000)],
    10,
    ["young"],
  ],
  [
    "of what nobody else has the oldest goes first, when it must",
    [last(candidate("old", 10, 90_000)), candidate("young", 10, 5000), last(candidate("middle", 10, 50_000))],
    20,
    ["young", "old"],
  ],
  ["a clock set back evicts what seems to come", [candidate("tomorrow", 10, -90_000)], 10, ["tomorrow"]],
];

for (const [name, candidates, needed, chosen] of table) {
  test(name, () => assert.deepEqual(chooseEvictions(candidates, needed, nowMs), chosen));
}

test("others are asked about what is complete and may go, the least recently used first, and not about all", () => {
  const complete = three.map((one) => ({ ...one, complete: true }));
  const others = [
    { ...candidate("partial", 10, 95_000), complete: false },
    { ...candidate("busy", 10, 95_000, true), complete: true },
  ];
  assert.deepEqual(worthAsking([...complete, ...others], nowMs), ["old", "middle", "young"]);
  const many = Array.from({ length: 100 }, (_, nth) => ({ ...candidate(`${nth}`, 10, 90_000 - nth), complete: true }));
  assert.deepEqual(
    worthAsking(many, nowMs),
    many.slice(0, 64).map(({ id }) => id),
  );
});
