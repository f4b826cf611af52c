import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadMoment } from "./download-moment.ts";
import { type Look, Waiting, waitOf } from "./waiting.ts";

const moment: DownloadMoment = {
  atOrigin: false,
  sealed: true,
  open: 100,
  limited: false,
  slotFree: false,
  askedOfPeers: 3,
  askedOfSeed: 0,
  sources: 3,
  neighbours: 3,
  useful: 3,
  seedUp: true,
};

function look(seen: Partial<DownloadMoment>, rest: Partial<Look> = {}): Look {
  return { moment: { ...moment, ...seen }, diskBehind: false, busy: 0.1, bytes: 0, ...rest };
}

test("each look tells one thing that was waited for", () => {
  const nothingAsked = { askedOfPeers: 0, askedOfSeed: 0, slotFree: true };
  const table = [
    [look({}), "peers"],
    [look({ ...nothingAsked, useful: 2 }), "peers"],
    [look({ askedOfPeers: 0, askedOfSeed: 2, useful: 1 }), "peers"],
    [look({ askedOfPeers: 0, askedOfSeed: 2, useful: 0 }), "seed"],
    [look({ ...nothingAsked, useful: 0 }), "seed"],
    [look({ ...nothingAsked, useful: 0, seedUp: false }), "nobody"],
    [look({ open: 0, sealed: false, slotFree: true }), "origin"],
    [look({ open: 0, sealed: false, slotFree: false }), "peers"],
    [look({ atOrigin: true }), "origin"],
    [look({ limited: true }), "limit"],
    [look({}, { diskBehind: true }), "disk"],
    [look({}, { busy: 0.95 }), "processor"],
  ] as const;
  for (const [seen, wait] of table) assert.equal(waitOf(seen), wait, JSON.stringify(seen));
});

function rates(steps: readonly number[]): Waiting {
  const waiting = new Waiting();
  let bytes = 0;
  for (const step of steps) {
    bytes += step;
    waiting.look(look({}, { bytes }));
  }
  return waiting;
}

test("a steady rate strays little, a lumpy one much, and a short one cannot be told", () => {
  assert.equal(rates(Array.from({ length: 9 }, () => 100)).spread, null);
  assert.ok((rates(Array.from({ length: 30 }, (_, nth) => 100 + (nth % 3))).spread ?? 1) < 0.02);
  assert.ok((rates(Array.from({ length: 30 }, (_, nth) => (nth % 3) * 100)).spread ?? 0) > 0.3);
});

test("the best second is five looks", () => {
  assert.equal(rates([1, 1, 10, 10, 10, 10, 10, 1, 1]).bestBytesPerSecond, 50);
});

test("what is remembered is bounded, what is counted is not", () => {
  const waiting = rates(Array.from({ length: 10_000 }, () => 7));
  assert.equal(waiting.looks.peers, 10_000);
  assert.equal(waiting.spread, 0);
  assert.equal(waiting.sources, 3);
});
