import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Cause,
  causeOf,
  type DownloadFacts,
  dropReasons,
  explain,
  type Measured,
  type Surroundings,
} from "./explain.ts";
import type { HostId } from "./ids.ts";
import { type Wait, waits } from "./waiting.ts";

const host = "a".repeat(32) as HostId;
const none = Object.fromEntries(waits.map((wait) => [wait, 0])) as Record<Wait, number>;

function facts(looks: Partial<Record<Wait, number>>, rest: Partial<DownloadFacts> = {}): DownloadFacts {
  return {
    elapsedMs: 10_000,
    looks: { ...none, ...looks },
    spread: 0.3,
    sources: 3,
    full: 0.5,
    bestBytesPerSecond: 2_000_000,
    from: [],
    dropped: [],
    limits: { request: 0, host: 0 },
    supernode: "up",
    isolated: false,
    ...rest,
  };
}

function measured(rest: Partial<Measured>): Measured {
  const bytesBySource = { peers: 8_000_000, supernode: 2_000_000, origin: 0 };
  return { host, state: "complete", length: 10_000_000, bytesBySource, facts: facts({ peers: 50 }), ...rest };
}

const around: Surroundings = {
  hosts: 4,
  seedUploadLimit: 0,
  originLimit: 0,
  originBytesPerSecond: 0,
  uploadLimits: [],
};

test("what was waited for most is the cause, and what else is known refines it", () => {
  const table: readonly (readonly [DownloadFacts, Cause])[] = [
    [facts({ limit: 30, peers: 20 }), "limit"],
    [facts({ disk: 30, peers: 20 }), "disk"],
    [facts({ processor: 30, peers: 20 }), "processor"],
    [facts({ origin: 30, peers: 20 }), "origin"],
    [facts({ origin: 30 }, { supernode: "none" }), "no-supernode"],
    [facts({ nobody: 30 }, { supernode: "away" }), "no-supernode"],
    [facts({ nobody: 30 }), "nobody"],
    [facts({ peers: 30 }), "neighbours"],
    [facts({ peers: 30 }, { supernode: "away" }), "neighbours"],
    [facts({ peers: 30 }, { spread: 0.04 }), "downlink"],
    [facts({ peers: 30 }, { spread: 0.35, full: 0.97 }), "downlink"],
    [facts({ peers: 30 }, { spread: 0.6, full: 0.97 }), "neighbours"],
    [facts({ seed: 30 }, { spread: 0.04, sources: 1 }), "seed"],
    [facts({ seed: 30 }, { isolated: true }), "isolated"],
    [facts({}), "unknown"],
  ];
  for (const [seen, cause] of table) assert.equal(causeOf(seen), cause, JSON.stringify(seen.looks));
});

test("a limit is named with its setting", () => {
  const setBy = (
    looks: Partial<Record<Wait, number>>,
    limits: DownloadFacts["limits"],
    rest: Partial<Surroundings> = {},
  ) => explain(measured({ facts: facts(looks, { limits }) }), { ...around, ...rest }).setBy;
  const free = { request: 0, host: 0 };
  assert.equal(setBy({ limit: 9 }, { request: 0, host: 5 }), "daemon --download-limit");
  assert.equal(setBy({ limit: 9 }, { request: 4, host: 5 }), "dfget --limit");
  assert.equal(setBy({ limit: 9 }, { request: 6, host: 5 }), "daemon --download-limit");
  assert.equal(setBy({ peers: 9 }, free), null);
  assert.equal(setBy({ peers: 9 }, free, { uploadLimits: [0, 7] }), "daemon --upload-limit");
  assert.equal(setBy({ seed: 9 }, free, { seedUploadLimit: 7 }), "supernode --upload-limit");
  assert.equal(setBy({ origin: 9 }, free, { originLimit: 100, originBytesPerSecond: 90 }), "supernode --origin-limit");
  assert.equal(setBy({ origin: 9 }, free, { originLimit: 100, originBytesPerSecond: 50 }), null);
});

test("what came from the seed as fast as it was read waited for the origin, where that is known", () => {
  const cause = (rest: Partial<Surroundings>) =>
    explain(measured({ facts: facts({ seed: 30 }) }), { ...around, ...rest }).cause;
  assert.equal(cause({ originBytesPerSecond: 1_100_000 }), "origin");
  assert.equal(cause({ originBytesPerSecond: 1_500_000 }), "seed", "it took half as long again");
  assert.equal(cause({ originBytesPerSecond: 1_100_000, seedUploadLimit: 1_000_000 }), "seed");
  assert.equal(cause({}), "seed", "it was not read");
});

test("the bound is the tightest of what is known of the links", () => {
  const bound = (rest: Partial<Surroundings>) => explain(measured({}), { ...around, ...rest }).bound;
  assert.deepEqual(bound({}), { seconds: 5, by: "downlink", times: 2 });
  assert.deepEqual(bound({ originBytesPerSecond: 1_250_000 }), { seconds: 8, by: "source", times: 1.25 });
  const limits = { seedUploadLimit: 1_000_000, uploadLimits: [1_000_000, 1_000_000] };
  assert.deepEqual(bound(limits), { seconds: 10, by: "source", times: 1 });
  assert.deepEqual(bound({ ...limits, seedUploadLimit: 1_000_000, hosts: 4, uploadLimits: [500_000] }), {
    seconds: 13.33,
    by: "uplinks",
    times: 0.75,
  });
});

test("words say the cause, who was dropped and the bound", () => {
  const dropped = dropReasons.map((reason) => ({ host, reason }));
  const { words } = explain(
    measured({ facts: facts({ limit: 9 }, { dropped, limits: { request: 0, host: 5e6 } }) }),
    around,
  );
  assert.equal(words[0], "A rate limit held it back: daemon --download-limit.");
  assert.equal(words[1], "Host aaaaaaaaaaaa sent bytes that are not what was signed.");
  assert.equal(words.at(-1), "It took 2.00 times the 5.0 s that this host's best second would have allowed.");
  assert.equal(words.length, 2 + dropReasons.length);
});

test("what was here already cannot be explained, and nothing is made up for it", () => {
  const { cause, bound, waits: seen, elapsedMs } = explain(measured({ facts: null }), around);
  assert.deepEqual({ cause, bound, seen, elapsedMs }, { cause: "unknown", bound: null, seen: {}, elapsedMs: null });
});
