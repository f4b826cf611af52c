import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { WireError } from "./error.ts";
import type { Audience, HostId, TaskId, VersionId } from "./ids.ts";
import { seededRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import type { SchedulerEvent } from "./scheduler-event.ts";
import { schedulerTuning } from "./scheduler-tuning.ts";

const hosts = 30;
const tasks = 2;
const error: WireError = { code: "origin-refused", blame: "origin", message: "no" };
const from = { peers: 0, supernode: 0, origin: 0 };

const id = fc.nat(hosts - 1).map((host) => `h${host}` as HostId);
const task = fc.nat(tasks - 1).map((number) => `t${number}` as TaskId);
const version = fc.nat(tasks - 1).map((number) => `t${number}-v` as VersionId);
const audience = fc.constantFrom("" as Audience, "alice" as Audience);

const event: fc.Arbitrary<SchedulerEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("host-joined" as const), id, address: address(), labels: labels() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("host-left" as const), id }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant("register" as const), host: id, request: fc.nat(9), task, audience }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(task, audience).map(([asked, rights]) => ({
      type: "probed" as const,
      task: asked,
      audience: rights,
      version: `${asked}-v` as VersionId,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("probe-failed" as const), task, audience, error: fc.constant(error) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("seed-failed" as const), version, error: fc.constant(error) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("progress" as const),
      host: id,
      version,
      heldPieces: fc.nat(9),
      from: fc.constant(from),
      complete: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("left" as const), host: id, version }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("seed-wanted" as const), request: fc.nat(9), task, audience }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("more-neighbours" as const),
      host: id,
      version,
      count: fc.nat(12),
      least: fc.option(id, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("strike" as const),
      host: id,
      by: fc.option(id, { nil: undefined }),
      version: fc.constant(undefined),
      reason: fc.constantFrom("corrupt" as const, "operator" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("release" as const), host: id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("forget" as const), task }) },
  { weight: 2, arbitrary: fc.constant({ type: "wake" as const }) },
);

function address() {
  return fc.constantFrom("somewhere:1", "elsewhere:1", null);
}

function labels() {
  return fc.record({ rack: fc.constantFrom(undefined, "r1", "r2"), zone: fc.constantFrom(undefined, "z1") });
}

/** The graph is symmetric, without loops or repeats, within its bound, of members only, and empty around the isolated. */
function checkGraph(scheduler: Scheduler): void {
  for (const swarm of scheduler.swarms.values()) {
    for (const [at, peer] of swarm.peers.entries()) {
      assert.equal(peer.at, at);
      assert.equal(peer.host.peers.get(swarm.version), peer);
      assert.equal(scheduler.hosts.get(peer.host.id), peer.host);
      assert.ok(peer.neighbours.length <= schedulerTuning.maxNeighbours, `${peer.neighbours.length} neighbours`);
      assert.equal(new Set(peer.neighbours).size, peer.neighbours.length);
      if (peer.host.strikes.isolated) assert.equal(peer.neighbours.length, 0);
      for (const other of peer.neighbours) {
        assert.notEqual(other, peer);
        assert.ok(other.neighbours.includes(peer));
        assert.equal(swarm.peers[other.at], other);
      }
    }
  }
}

test("whatever happens, the neighbour graph stays symmetric and bounded", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(20_000)), { maxLength: 150 }), fc.integer(), (events, seed) => {
      const scheduler = new Scheduler({ random: seededRandom(seed), freshnessMs: 60_000 });
      let now = 0;
      for (const [one, afterMs] of events) {
        now += afterMs;
        scheduler.step(one, now);
        checkGraph(scheduler);
      }
    }),
    { numRuns: 150 },
  );
});

test("whatever happens, the origin is never probed twice at once for the same rights", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(5000)), { maxLength: 100 }), fc.integer(), (events, seed) => {
      const scheduler = new Scheduler({ random: seededRandom(seed), freshnessMs: 10_000 });
      const probes = new Set<string>();
      let now = 0;
      for (const [one, afterMs] of events) {
        now += afterMs;
        // The shell answers each probe, and nothing but probes.
        const wasAsked = one.type === "probed" || one.type === "probe-failed";
        if (wasAsked && !probes.delete(`${one.task} ${one.audience}`)) continue;
        for (const effect of scheduler.step(one, now)) {
          if (effect.type !== "probe") continue;
          const probe = `${effect.task} ${effect.audience}`;
          assert.ok(!probes.has(probe), "one probe at a time");
          probes.add(probe);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("the scheduler never wants to be woken again and again for nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(20_000)), { maxLength: 100 }), (events) => {
      const scheduler = new Scheduler({ random: seededRandom(1), freshnessMs: 60_000 });
      let now = 0;
      for (const [one, afterMs] of events) {
        now += afterMs;
        scheduler.step(one, now);
        scheduler.step({ type: "wake" }, now);
        assert.ok(scheduler.nextWake() > now);
      }
    }),
    { numRuns: 100 },
  );
});
