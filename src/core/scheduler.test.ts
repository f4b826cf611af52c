import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireError } from "./error.ts";
import type { Audience, HostId, TaskId, VersionId } from "./ids.ts";
import { seededRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import type { SchedulerEffect, SchedulerEvent } from "./scheduler-event.ts";
import { schedulerTuning } from "./scheduler-tuning.ts";
import type { Labels } from "./swarm.ts";

const task = "task" as TaskId;
const v1 = "v1" as VersionId;
const v2 = "v2" as VersionId;
const nobody = "" as Audience;
const alice = "alice" as Audience;
const gone: WireError = { code: "origin-refused", blame: "origin", message: "404" };

/** A scheduler and a clock: each event is answered by what is to be done, in words. */
class Dialogue {
  readonly scheduler = new Scheduler({ random: seededRandom(1), freshnessMs: 10_000 });
  now = 0;

  say(event: SchedulerEvent): readonly string[] {
    return this.scheduler.step(event, this.now).map(inWords);
  }

  join(id: string, labels: Labels = {}, address: string | null = `${id}:1`): void {
    assert.deepEqual(this.say({ type: "host-joined", id: id as HostId, address, labels }), []);
  }

  register(host: string, audience = nobody): readonly string[] {
    return this.say({ type: "register", host: host as HostId, request: 1, task, audience });
  }

  /** So many hosts that were admitted one after another. */
  swarm(...ids: readonly string[]): void {
    for (const id of ids) this.join(id);
    this.say({ type: "probed", task, audience: nobody, version: v1 });
    for (const id of ids) this.register(id);
  }

  neighbours(id: string): readonly string[] {
    const peer = this.scheduler.hosts.get(id as HostId)?.peers.get(v1);
    return (peer?.neighbours ?? []).map(({ host }) => host.id).sort();
  }
}

function inWords(effect: SchedulerEffect): string {
  switch (effect.type) {
    case "probe":
      return `probe as "${effect.audience}"`;
    case "start-seed":
      return `seed ${effect.version}`;
    case "admit":
    case "introduce":
      return `${effect.host}: ${effect.type} ${effect.version}, meet ${names(effect.neighbours)}`;
    case "seeding":
      return `request ${effect.request}: seeding ${effect.version}`;
    case "not-seeding":
      return `request ${effect.request}: not seeding, ${effect.error.code}`;
    case "refuse":
      return `${effect.host}: refused, ${effect.error.code}`;
    case "drop":
      return `${effect.host}: drop ${effect.neighbour}, ${effect.reason}`;
    case "abandon":
      return `${effect.host}: abandon ${effect.version}, ${effect.error.code}`;
    case "isolated":
      return `${effect.host} isolated until ${effect.untilMs}, ${effect.reason}`;
    case "released":
      return `${effect.host} released`;
  }
}

function names(hosts: readonly { readonly id: HostId }[]): string {
  return hosts.length === 0 ? "nobody" : hosts.map(({ id }) => id).join(" ");
}

test("the supernode may want a version for nobody: one probe for it and the hosts, and no part in the swarm", () => {
  const talk = new Dialogue();
  talk.join("a");
  const wants = (request: number) => talk.say({ type: "seed-wanted", request, task, audience: nobody });
  assert.deepEqual(wants(7), ['probe as ""']);
  assert.deepEqual(talk.register("a"), []);
  assert.deepEqual(talk.say({ type: "probed", task, audience: nobody, version: v1 }), [
    "seed v1",
    "request 7: seeding v1",
    "a: admit v1, meet nobody",
  ]);
  assert.deepEqual(wants(8), ["request 8: seeding v1"]);
  assert.equal(talk.scheduler.swarms.get(v1)?.peers.length, 1);
});

test("a host that moved to another home gives on as before, and may read here no more until it registers again", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  assert.deepEqual(talk.say({ type: "left", host: "a" as HostId, version: v1, moved: true }), []);
  assert.deepEqual(talk.neighbours("b"), ["a"]);
  const peer = talk.scheduler.hosts.get("a" as HostId)?.peers.get(v1);
  assert.deepEqual([peer?.admitted, peer?.offers], [false, true]);
  assert.deepEqual(talk.register("a"), ["a: admit v1, meet b"]);
  assert.equal(peer?.admitted, true);
});

test("what the origin refuses, the supernode is told as a host would be", () => {
  const talk = new Dialogue();
  talk.say({ type: "seed-wanted", request: 3, task, audience: nobody });
  const error = { code: "origin-refused", blame: "origin", message: "no" } as const;
  const said = talk.say({ type: "probe-failed", task, audience: nobody, error });
  assert.deepEqual(said, ["request 3: not seeding, origin-refused"]);
});

test("however many ask at once, the origin is asked once, and all are admitted by its answer", () => {
  const talk = new Dialogue();
  for (const id of ["a", "b", "c"]) talk.join(id);
  assert.deepEqual(talk.register("a"), ['probe as ""']);
  assert.deepEqual(talk.register("b"), []);
  assert.deepEqual(talk.register("c"), []);
  const said = talk.say({ type: "probed", task, audience: nobody, version: v1 });
  assert.equal(said[0], "seed v1");
  assert.equal(said.filter((line) => line.includes("admit v1")).length, 3);
});

test("a fresh answer serves the next who asks with the same rights, and grows stale", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.join("b");
  talk.now = 10_000;
  assert.deepEqual(talk.register("b"), ["a: introduce v1, meet b", "b: admit v1, meet a"]);
  talk.now = 10_001;
  talk.join("c");
  assert.deepEqual(talk.register("c"), ['probe as ""']);
});

test("what is confirmed is so for whom it was confirmed, for as long as it counts, and until the version fails", () => {
  const talk = new Dialogue();
  const isConfirmed = (audience: Audience): boolean => talk.scheduler.isConfirmed({ task, audience }, talk.now);
  assert.equal(isConfirmed(nobody), false);
  talk.say({ type: "probed", task, audience: nobody, version: v1 });
  assert.deepEqual([isConfirmed(nobody), isConfirmed(alice)], [true, false]);
  talk.say({ type: "seed-failed", version: v1, error: gone });
  assert.equal(isConfirmed(nobody), false);
  talk.say({ type: "probed", task, audience: nobody, version: v1 });
  talk.now = 10_001;
  assert.equal(isConfirmed(nobody), false);
});

test("rights are not lent: an audience the origin has not confirmed is probed, and may be refused", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.join("b");
  assert.deepEqual(talk.register("b", alice), ['probe as "alice"']);
  assert.deepEqual(talk.say({ type: "probe-failed", task, audience: alice, error: gone }), [
    "b: refused, origin-refused",
  ]);
  assert.deepEqual(talk.neighbours("b"), []);
});

test("changed content is a new version: a new swarm, and the others' confirmations are void", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.join("b");
  talk.register("b", alice);
  assert.deepEqual(talk.say({ type: "probed", task, audience: alice, version: v2 }), [
    "seed v2",
    "b: admit v2, meet nobody",
  ]);
  talk.join("c");
  assert.deepEqual(talk.register("c"), ['probe as ""']);
});

test("who is given a neighbour is given to that neighbour", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c", "d");
  for (const id of ["a", "b", "c", "d"]) {
    const others = ["a", "b", "c", "d"].filter((other) => other !== id);
    assert.deepEqual(talk.neighbours(id), others);
  }
});

test("a host that leaves is dropped by its neighbours", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c");
  const said = talk.say({ type: "host-left", id: "b" as HostId });
  assert.deepEqual([...said].sort(), ["a: drop b, left", "c: drop b, left"]);
  assert.deepEqual(talk.neighbours("a"), ["c"]);
  assert.equal(talk.scheduler.hosts.has("b" as HostId), false);
});

test("two that lost each other may be introduced again", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  const more = { type: "more-neighbours", host: "a" as HostId, version: v1, count: 1, least: undefined } as const;
  assert.deepEqual(talk.say(more), []);
  assert.deepEqual(talk.say({ type: "parted", host: "a" as HostId, version: v1, neighbour: "b" as HostId }), []);
  assert.deepEqual(talk.neighbours("a"), []);
  talk.say(more);
  assert.deepEqual(talk.neighbours("a"), ["b"]);
});

test("a fresh neighbour is swapped for the least useful one, on both sides", () => {
  const talk = new Dialogue();
  talk.swarm(..."abcdefghijklmnop");
  const before = talk.neighbours("a");
  const least = before[0] as HostId;
  const said = talk.say({ type: "more-neighbours", host: "a" as HostId, version: v1, count: 1, least });
  assert.equal(said.length, 4, "two introductions, two drops");
  assert.ok(said.includes(`a: drop ${least}, swapped`) && said.includes(`${least}: drop a, swapped`));
  assert.equal(talk.neighbours("a").length, before.length);
  assert.ok(!talk.neighbours("a").includes(least));
});

test("with nobody fresh to offer nobody is dropped", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  const least = "b" as HostId;
  assert.deepEqual(talk.say({ type: "more-neighbours", host: "a" as HostId, version: v1, count: 1, least }), []);
});

test("three strikes by two accusers isolate a host for a while", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c");
  const strike = (by: string): readonly string[] =>
    talk.say({ type: "strike", host: "c" as HostId, by: by as HostId, version: v1, reason: "corrupt" });
  assert.deepEqual(strike("a"), []);
  assert.deepEqual(strike("a"), []);
  assert.deepEqual([...strike("b")].sort(), [
    "a: drop c, isolated",
    "b: drop c, isolated",
    "c isolated until 30000, corrupt",
    "c: drop a, you-are-isolated",
    "c: drop b, you-are-isolated",
  ]);
  talk.join("d");
  talk.register("d");
  assert.ok(!talk.neighbours("d").includes("c"));
  assert.equal(talk.scheduler.nextWake(), 30_000);
  talk.now = 30_000;
  assert.deepEqual(talk.say({ type: "wake" }), ["c released"]);
});

test("a single accuser isolates nobody", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  for (let i = 0; i < 20; i++) {
    const said = talk.say({ type: "strike", host: "b" as HostId, by: "a" as HostId, version: v1, reason: "stalled" });
    assert.deepEqual(said, []);
  }
});

test("who gives way to his host's own work is slow without fault, and wrong bytes are a fault all the same", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c");
  const pressure = { cpu: 0, disk: 0, memory: 0 };
  const accuse = (reason: "stalled" | "slow" | "corrupt") =>
    ["a", "c", "a"].flatMap((by) =>
      talk.say({ type: "strike", host: "b" as HostId, by: by as HostId, version: v1, reason }),
    );
  talk.say({ type: "load", host: "b" as HostId, load: { givingWay: true, othersSentRate: 1, pressure } });
  assert.deepEqual([...accuse("stalled"), ...accuse("slow")], []);
  assert.equal(accuse("corrupt").filter((said) => said.startsWith("b isolated")).length, 1);
});

test("leaving and coming back does not clear an isolation; the operator's release does", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  talk.say({ type: "strike", host: "b" as HostId, by: undefined, version: undefined, reason: "operator" });
  talk.say({ type: "host-left", id: "b" as HostId });
  talk.join("b");
  assert.deepEqual(talk.register("b"), ["b: admit v1, meet nobody"]);
  assert.deepEqual(talk.say({ type: "release", host: "b" as HostId }), ["b released"]);
});

test("an asker says how old the origin's word may be, and the origin how long it counts", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.join("b");
  const asks = (maxAgeMs: number | undefined) => {
    const said = talk.say({ type: "register", host: "b" as HostId, request: 1, task, audience: nobody, maxAgeMs });
    const probes = said.some((effect) => effect.startsWith("probe"));
    if (probes) talk.say({ type: "probed", task, audience: nobody, version: v1 });
    return probes ? "probed" : "answered";
  };
  talk.now = 20_000;
  assert.equal(asks(30_000), "answered");
  assert.equal(asks(undefined), "probed");
  assert.equal(asks(undefined), "answered");
  talk.now = 20_001;
  assert.equal(asks(0), "probed");
  talk.say({ type: "probed", task, audience: nobody, version: v1, freshForMs: 0 });
  talk.now = 20_002;
  assert.equal(asks(undefined), "probed");
});

test("with credentials a requester cannot make the origin's word last", () => {
  const talk = new Dialogue();
  talk.join("a");
  const somebody = "s" as Audience;
  const register = { type: "register", host: "a" as HostId, request: 1, task, audience: somebody } as const;
  talk.say(register);
  talk.say({ type: "probed", task, audience: somebody, version: v1 });
  const probes = () => talk.say({ ...register, maxAgeMs: 3_600_000 }).some((effect) => effect.startsWith("probe"));
  talk.now += 1000;
  assert.equal(probes(), false);
  talk.now += 3_000_000;
  assert.equal(probes(), true);
});

test("after its isolation a host is on probation, with few neighbours", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c", "d");
  talk.say({ type: "strike", host: "a" as HostId, by: undefined, version: undefined, reason: "operator" });
  talk.now = 30_000;
  assert.deepEqual(talk.say({ type: "wake" }), ["a released"]);
  talk.say({ type: "more-neighbours", host: "a" as HostId, version: v1, count: 6, least: undefined });
  assert.equal(talk.neighbours("a").length, 2);
});

test("an isolated host that is away is forgotten when its probation ends", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.say({ type: "strike", host: "a" as HostId, by: undefined, version: undefined, reason: "operator" });
  talk.join("a");
  talk.say({ type: "host-left", id: "a" as HostId });
  talk.now = 30_000;
  assert.deepEqual(talk.say({ type: "wake" }), ["a released"]);
  assert.equal(talk.scheduler.nextWake(), 90_000);
  talk.now = 90_000;
  assert.deepEqual(talk.say({ type: "wake" }), []);
  assert.equal(talk.scheduler.hosts.size, 0);
  assert.ok(talk.scheduler.nextWake() > 90_000);
});

test("a task that is removed and asked for again has a swarm of those who ask", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  talk.say({ type: "forget", task });
  assert.deepEqual(talk.register("a"), ['probe as ""']);
  assert.deepEqual(talk.say({ type: "probed", task, audience: nobody, version: v1 }), [
    "seed v1",
    "a: admit v1, meet nobody",
  ]);
  assert.deepEqual(talk.register("b"), ["a: introduce v1, meet b", "b: admit v1, meet a"]);
});

test("a task that is removed while its origin is probed answers those who wait", () => {
  const talk = new Dialogue();
  talk.join("a");
  talk.register("a");
  talk.say({ type: "forget", task });
  assert.deepEqual(talk.say({ type: "probed", task, audience: nobody, version: v1 }), [
    "seed v1",
    "a: admit v1, meet nobody",
  ]);
});

test("nobody gets more neighbours than the most, however often it asks", () => {
  const talk = new Dialogue();
  talk.swarm(...Array.from({ length: 60 }, (_, at) => `h${at}`));
  for (let i = 0; i < 20; i++) {
    talk.say({ type: "more-neighbours", host: "h0" as HostId, version: v1, count: 100, least: undefined });
  }
  assert.equal(talk.neighbours("h0").length, schedulerTuning.maxNeighbours);
});

test("a version that cannot be completed is abandoned by those who fetch it, and probed anew", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b");
  const from = { peers: 0, supernode: 0, origin: 0 };
  talk.say({ type: "progress", host: "a" as HostId, version: v1, heldPieces: 4, from, complete: true });
  assert.deepEqual(talk.say({ type: "seed-failed", version: v1, error: gone }), ["b: abandon v1, origin-refused"]);
  assert.deepEqual(talk.register("b"), ['probe as ""']);
});

test("who is complete keeps the neighbours that still fetch", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c");
  const from = { peers: 0, supernode: 0, origin: 0 };
  for (const id of ["a", "b"]) {
    talk.say({ type: "progress", host: id as HostId, version: v1, heldPieces: 4, from, complete: true });
  }
  assert.deepEqual(talk.neighbours("a"), ["c"]);
  assert.deepEqual(talk.neighbours("c"), ["a", "b"]);
});

test("who is complete and asks again stays complete, until it shows that it fetches", () => {
  const talk = new Dialogue();
  talk.swarm("a", "b", "c");
  const a = "a" as HostId;
  const from = { peers: 0, supernode: 0, origin: 0 };
  const report = (complete: boolean) =>
    talk.say({ type: "progress", host: a, version: v1, heldPieces: complete ? 4 : 1, from, complete });
  const state = () => talk.scheduler.hosts.get(a)?.peers.get(v1)?.state;

  talk.say({ type: "progress", host: "b" as HostId, version: v1, heldPieces: 4, from, complete: true });
  report(true);
  assert.deepEqual(talk.register("a"), ["a: admit v1, meet c"]);
  assert.equal(state(), "complete");
  assert.deepEqual(talk.neighbours("a"), ["c"], "nobody who is complete as well");

  report(false);
  assert.equal(state(), "fetching");
  report(true);
  assert.equal(state(), "complete");
  talk.say({ type: "more-neighbours", host: a, version: v1, count: 1, least: undefined });
  assert.equal(state(), "fetching");
  assert.deepEqual(talk.neighbours("a"), ["b", "c"]);
});

test("two hosts of which neither can be dialled are not introduced", () => {
  const talk = new Dialogue();
  talk.join("a", {}, null);
  talk.join("b", {}, null);
  talk.say({ type: "probed", task, audience: nobody, version: v1 });
  talk.register("a");
  assert.deepEqual(talk.register("b"), ["b: admit v1, meet nobody"]);
});

test("neighbours are near, but for a share that is drawn from everywhere", () => {
  const talk = new Dialogue();
  talk.say({ type: "probed", task, audience: nobody, version: v1 });
  const ids = Array.from({ length: 200 }, (_, at) => `h${at}`);
  for (const [at, id] of ids.entries()) {
    talk.join(id, { rack: `r${at % 4}`, zone: "z" });
    talk.register(id);
  }
  let near = 0;
  let all = 0;
  for (const [at, id] of ids.entries()) {
    for (const other of talk.neighbours(id)) {
      all++;
      if (Number(other.slice(1)) % 4 === at % 4) near++;
    }
  }
  assert.ok(near / all > 0.4 && near / all < 0.8, `${near} of ${all} in the same rack`);
});

test("a task that nobody holds or asks for is forgotten", () => {
  const talk = new Dialogue();
  talk.swarm("a");
  talk.say({ type: "seed", version: v1, state: "complete" });
  talk.say({ type: "host-left", id: "a" as HostId });
  for (let i = 0; i < 3 && talk.scheduler.nextWake() < Number.POSITIVE_INFINITY; i++) {
    talk.now = talk.scheduler.nextWake();
    talk.say({ type: "wake" });
  }
  assert.equal([...talk.scheduler.tasks].length, 0);
  assert.equal(talk.scheduler.swarms.size, 0);
  assert.equal(talk.scheduler.nextWake(), Number.POSITIVE_INFINITY);
});
