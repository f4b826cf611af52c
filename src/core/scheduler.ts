// The cluster manager's mind, as a machine: which version of a task is current, who exchanges with whom, whom to isolate.
//
// Theory of operation. A host registers for a task with an audience (whose rights it asks with). If the origin confirmed the task's
// version for that audience a short while ago, the host is admitted at once; else one probe is made, however many wait for it, and all
// are admitted or refused by its outcome: so content behind credentials is given only to whom the origin would give it, cache hit or
// not. Admission makes the host a peer of the version's swarm: it gets a few random neighbours, and each of these gets it. The seed reads the
// origin once per version. What is here is soft: after a restart the daemons tell their holdings again.

import type { WireError } from "./error.ts";
import type { Audience, HostId, TaskId, VersionId } from "./ids.ts";
import type { Random } from "./random.ts";
import { type SchedulerTuning, schedulerTuning } from "./scheduler-tuning.ts";
import { type StrikeReason, Strikes } from "./strikes.ts";
import { type BytesBySource, type Host, type Labels, type Peer, type SeedState, Swarm } from "./swarm.ts";

export type SchedulerEvent =
  | { readonly type: "host-joined"; readonly id: HostId; readonly address: string | null; readonly labels: Labels }
  | { readonly type: "host-left"; readonly id: HostId }
  /** `request` is the host's own number for it, told back in the answer. */
  | {
      readonly type: "register";
      readonly host: HostId;
      readonly request: number;
      readonly task: TaskId;
      readonly audience: Audience;
    }
  /** The origin was asked for this audience: this is the current version. */
  | { readonly type: "probed"; readonly task: TaskId; readonly audience: Audience; readonly version: VersionId }
  | { readonly type: "probe-failed"; readonly task: TaskId; readonly audience: Audience; readonly error: WireError }
  | { readonly type: "seed"; readonly version: VersionId; readonly state: "complete" }
  | { readonly type: "seed-failed"; readonly version: VersionId; readonly error: WireError }
  /** A host offers what it has on disk. */
  | {
      readonly type: "holding";
      readonly host: HostId;
      readonly task: TaskId;
      readonly version: VersionId;
      readonly complete: boolean;
    }
  | {
      readonly type: "progress";
      readonly host: HostId;
      readonly version: VersionId;
      readonly heldPieces: number;
      readonly from: BytesBySource;
      readonly complete: boolean;
    }
  | { readonly type: "left"; readonly host: HostId; readonly version: VersionId }
  /** Two neighbours exchange no more, by the word of one of them. */
  | {
      readonly type: "parted";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbour: HostId;
    }
  | {
      readonly type: "more-neighbours";
      readonly host: HostId;
      readonly version: VersionId;
      readonly count: number;
      readonly least: HostId | undefined;
    }
  | {
      readonly type: "strike";
      readonly host: HostId;
      readonly by: HostId | undefined;
      readonly version: VersionId | undefined;
      readonly reason: StrikeReason;
    }
  | { readonly type: "release"; readonly host: HostId }
  | { readonly type: "forget"; readonly task: TaskId }
  | { readonly type: "wake" };

export type SchedulerEffect =
  | { readonly type: "probe"; readonly task: TaskId; readonly audience: Audience }
  | { readonly type: "start-seed"; readonly task: TaskId; readonly version: VersionId }
  | {
      readonly type: "admit";
      readonly host: HostId;
      readonly request: number;
      readonly version: VersionId;
      readonly neighbours: readonly Host[];
    }
  | { readonly type: "refuse"; readonly host: HostId; readonly request: number; readonly error: WireError }
  | {
      readonly type: "introduce";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbours: readonly Host[];
    }
  | {
      readonly type: "drop";
      readonly host: HostId;
      readonly version: VersionId;
      readonly neighbour: HostId;
      readonly reason: "left" | "swapped" | "isolated";
    }
  /** The version cannot be completed: its peers are told why. */
  | { readonly type: "abandon"; readonly host: HostId; readonly version: VersionId; readonly error: WireError }
  | { readonly type: "isolated"; readonly host: HostId; readonly reason: StrikeReason; readonly untilMs: number }
  | { readonly type: "released"; readonly host: HostId };

interface Waiting {
  readonly host: HostId;
  readonly request: number;
}

interface Task {
  readonly id: TaskId;
  version: VersionId | undefined;
  /** When the origin last confirmed the version, by audience. */
  readonly confirmedAtMs: Map<Audience, number>;
  readonly waiting: Map<Audience, Waiting[]>;
  usedAtMs: number;
}

export interface SchedulerOptions {
  readonly random: Random;
  /** How long the origin's word on a version counts, in milliseconds. */
  readonly freshnessMs: number;
  readonly tuning?: SchedulerTuning;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Scheduler {
  readonly #random: Random;
  readonly #freshnessMs: number;
  readonly #tuning: SchedulerTuning;
  readonly #tasks = new Map<TaskId, Task>();
  readonly #hosts = new Map<HostId, Host>();
  readonly #swarms = new Map<VersionId, Swarm>();
  readonly #isolated = new Set<HostId>();
  /** Isolated ones that are not connected: kept until they are released. */
  readonly #away = new Set<HostId>();
  #nextSweepMs: number | undefined;
  #effects: SchedulerEffect[] = [];

  constructor(options: SchedulerOptions) {
    this.#random = options.random;
    this.#freshnessMs = options.freshnessMs;
    this.#tuning = options.tuning ?? schedulerTuning;
  }

  step(event: SchedulerEvent, nowMs: number): readonly SchedulerEffect[] {
    this.#effects = [];
    this.#apply(event, nowMs);
    return this.#effects;
  }

  nextWake(): number {
    let next = this.#nextSweepMs ?? NEVER;
    for (const id of this.#isolated) next = Math.min(next, this.#isolatedUntilMs(id));
    return next;
  }

  /** For the API: what it knows, read only. */
  get hosts(): ReadonlyMap<HostId, Host> {
    return this.#hosts;
  }

  get swarms(): ReadonlyMap<VersionId, Swarm> {
    return this.#swarms;
  }

  currentVersion(task: TaskId): VersionId | undefined {
    return this.#tasks.get(task)?.version;
  }

  get tasks(): Iterable<TaskId> {
    return this.#tasks.keys();
  }

  #apply(event: SchedulerEvent, now: number): void {
    switch (event.type) {
      case "host-joined":
        return this.#hostJoined(event.id, event.address, event.labels);
      case "host-left":
        return this.#hostLeft(event.id);
      case "register":
        return this.#register(event.task, event.audience, { host: event.host, request: event.request }, now);
      case "probed":
        return this.#probed(event.task, event.audience, event.version, now);
      case "probe-failed":
        return this.#probeFailed(event.task, event.audience, event.error);
      case "seed":
        return this.#seed(event.version, event.state);
      case "seed-failed":
        return this.#seedFailed(event.version, event.error);
      case "holding":
        return this.#holding(event.host, event.task, event.version, event.complete, now);
      case "progress":
        return this.#progress(event.host, event.version, event);
      case "left":
        return this.#left(event.host, event.version);
      case "parted":
        return this.#parted(event.host, event.version, event.neighbour);
      case "more-neighbours":
        return this.#moreNeighbours(event.host, event.version, event.count, event.least);
      case "strike":
        return this.#strike(event, now);
      case "release":
        return this.#release(event.host);
      case "forget":
        return this.#forget(event.task);
      case "wake":
        return this.#wake(now);
    }
  }

  // --- hosts

  #hostJoined(id: HostId, address: string | null, labels: Labels): void {
    const known = this.#hosts.get(id);
    if (known !== undefined) this.#hostLeft(id);
    this.#away.delete(id);
    const strikes = known?.strikes ?? new Strikes();
    this.#hosts.set(id, { id, address, labels, peers: new Map(), strikes });
  }

  #hostLeft(id: HostId): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    for (const version of [...host.peers.keys()]) this.#left(id, version);
    // An isolated host stays known: leaving and coming back must not clear it.
    if (host.strikes.isolated) this.#away.add(id);
    else this.#hosts.delete(id);
  }

  #left(id: HostId, version: VersionId): void {
    const peer = this.#hosts.get(id)?.peers.get(version);
    const swarm = this.#swarms.get(version);
    if (peer === undefined || swarm === undefined) return;
    for (const { host } of peer.neighbours) this.#drop(host, version, id, "left");
    swarm.leave(peer);
  }

  #drop(host: Host, version: VersionId, neighbour: HostId, reason: "left" | "swapped" | "isolated"): void {
    this.#effects.push({ type: "drop", host: host.id, version, neighbour, reason });
  }

  // --- tasks

  #task(id: TaskId, now: number): Task {
    let task = this.#tasks.get(id);
    if (task === undefined) {
      task = { id, version: undefined, confirmedAtMs: new Map(), waiting: new Map(), usedAtMs: now };
      this.#tasks.set(id, task);
      this.#nextSweepMs ??= now + this.#tuning.forgetTaskMs;
    }
    task.usedAtMs = now;
    return task;
  }

  #register(id: TaskId, audience: Audience, waiting: Waiting, now: number): void {
    const task = this.#task(id, now);
    const queue = task.waiting.get(audience);
    if (queue !== undefined) {
      queue.push(waiting);
      return;
    }
    const swarm = task.version === undefined ? undefined : this.#swarms.get(task.version);
    const confirmedAtMs = task.confirmedAtMs.get(audience) ?? Number.NEGATIVE_INFINITY;
    if (swarm !== undefined && swarm.seed !== "failed" && now - confirmedAtMs <= this.#freshnessMs) {
      return this.#admit(swarm, waiting);
    }
    task.waiting.set(audience, [waiting]);
    this.#effects.push({ type: "probe", task: id, audience });
  }

  #takeWaiting(id: TaskId, audience: Audience): readonly Waiting[] {
    const task = this.#tasks.get(id);
    const waiting = task?.waiting.get(audience) ?? [];
    task?.waiting.delete(audience);
    return waiting;
  }

  #probed(id: TaskId, audience: Audience, version: VersionId, now: number): void {
    const task = this.#task(id, now);
    const swarm = this.#swarm(version, id);
    if (task.version !== version) {
      task.version = version;
      task.confirmedAtMs.clear();
    }
    if (task.confirmedAtMs.size >= 1024) task.confirmedAtMs.clear();
    task.confirmedAtMs.set(audience, now);
    if (swarm.seed === "idle" || swarm.seed === "failed") {
      swarm.seed = "reading";
      this.#effects.push({ type: "start-seed", task: id, version });
    }
    for (const waiting of this.#takeWaiting(id, audience)) this.#admit(swarm, waiting);
  }

  #probeFailed(id: TaskId, audience: Audience, error: WireError): void {
    for (const { host, request } of this.#takeWaiting(id, audience)) {
      this.#effects.push({ type: "refuse", host, request, error });
    }
  }

  #swarm(version: VersionId, task: TaskId): Swarm {
    let swarm = this.#swarms.get(version);
    if (swarm === undefined) {
      swarm = new Swarm(version, task);
      this.#swarms.set(version, swarm);
    }
    return swarm;
  }

  #seed(version: VersionId, state: SeedState): void {
    const swarm = this.#swarms.get(version);
    if (swarm !== undefined) swarm.seed = state;
  }

  #seedFailed(version: VersionId, error: WireError): void {
    const swarm = this.#swarms.get(version);
    if (swarm === undefined) return;
    swarm.seed = "failed";
    for (const peer of swarm.peers) {
      if (peer.state === "fetching") this.#effects.push({ type: "abandon", host: peer.host.id, version, error });
    }
  }

  /** Those who wait for a probe still get their answer. */
  #forget(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    const swarm = task.version === undefined ? undefined : this.#swarms.get(task.version);
    task.version = undefined;
    task.confirmedAtMs.clear();
    if (task.waiting.size === 0) this.#tasks.delete(id);
    if (swarm === undefined) return;
    for (const peer of [...swarm.peers]) swarm.leave(peer);
    this.#swarms.delete(swarm.version);
  }

  // --- swarms

  #admit(swarm: Swarm, { host: id, request }: Waiting): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    const peer = swarm.join(host, "fetching");
    peer.state = "fetching";
    const fresh = this.#introduceTo(swarm, peer, this.#tuning.introduce - peer.neighbours.length);
    const neighbours = fresh.length === peer.neighbours.length ? fresh : peer.neighbours;
    this.#effects.push({
      type: "admit",
      host: id,
      request,
      version: swarm.version,
      neighbours: neighbours.map((neighbour) => neighbour.host),
    });
  }

  /** Links fresh neighbours to a peer and tells them; telling the peer itself is the caller's. */
  #introduceTo(swarm: Swarm, peer: Peer, count: number): readonly Peer[] {
    if (count <= 0 || peer.host.strikes.isolated) return [];
    const chosen = swarm.chooseNeighbours(peer, count, this.#random, this.#tuning);
    for (const other of chosen) {
      swarm.link(peer, other);
      if (other.state === "complete") continue;
      this.#effects.push({
        type: "introduce",
        host: other.host.id,
        version: swarm.version,
        neighbours: [peer.host],
      });
    }
    return chosen;
  }

  #holding(id: HostId, taskId: TaskId, version: VersionId, complete: boolean, now: number): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    this.#task(taskId, now);
    const swarm = this.#swarm(version, taskId);
    const peer = swarm.join(host, complete ? "complete" : "fetching");
    if (complete) swarm.complete(peer);
  }

  #progress(
    id: HostId,
    version: VersionId,
    report: { readonly heldPieces: number; readonly from: BytesBySource; readonly complete: boolean },
  ): void {
    const peer = this.#hosts.get(id)?.peers.get(version);
    if (peer === undefined) return;
    peer.heldPieces = report.heldPieces;
    peer.from = report.from;
    if (report.complete) this.#swarms.get(version)?.complete(peer);
  }

  #moreNeighbours(id: HostId, version: VersionId, count: number, least: HostId | undefined): void {
    const peer = this.#hosts.get(id)?.peers.get(version);
    const swarm = this.#swarms.get(version);
    if (peer === undefined || swarm === undefined) return;
    const dropped = peer.neighbours.find((other) => other.host.id === least);
    const room = this.#tuning.maxNeighbours - peer.neighbours.length + (dropped === undefined ? 0 : 1);
    const fresh = this.#introduceTo(swarm, peer, Math.min(count, room));
    if (fresh.length === 0) return;
    this.#effects.push({ type: "introduce", host: id, version, neighbours: fresh.map((other) => other.host) });
    if (dropped === undefined) return;
    swarm.unlink(peer, dropped);
    this.#drop(peer.host, version, dropped.host.id, "swapped");
    this.#drop(dropped.host, version, id, "swapped");
  }

  // --- faults

  #parted(id: HostId, version: VersionId, neighbour: HostId): void {
    const peer = this.#hosts.get(id)?.peers.get(version);
    const other = peer?.neighbours.find(({ host }) => host.id === neighbour);
    if (peer !== undefined && other !== undefined) this.#swarms.get(version)?.unlink(peer, other);
  }

  #strike(event: Extract<SchedulerEvent, { type: "strike" }>, now: number): void {
    const host = this.#hosts.get(event.host);
    if (host === undefined) return;
    const { by, version, reason } = event;
    if (!host.strikes.add({ reason, atMs: now, by, version }, this.#tuning)) return;
    this.#isolated.add(host.id);
    const untilMs = host.strikes.isolatedUntilMs ?? now;
    this.#effects.push({ type: "isolated", host: host.id, reason, untilMs });
    for (const [id, peer] of host.peers) {
      const swarm = this.#swarms.get(id);
      for (const neighbour of [...peer.neighbours]) {
        this.#drop(neighbour.host, id, host.id, "isolated");
        this.#drop(host, id, neighbour.host.id, "isolated");
        swarm?.unlink(peer, neighbour);
      }
    }
  }

  #isolatedUntilMs(id: HostId): number {
    return this.#hosts.get(id)?.strikes.isolatedUntilMs ?? NEVER;
  }

  #release(id: HostId): void {
    const host = this.#hosts.get(id);
    if (host === undefined || !host.strikes.isolated) return;
    host.strikes.release();
    this.#isolated.delete(id);
    if (this.#away.delete(id)) this.#hosts.delete(id);
    this.#effects.push({ type: "released", host: id });
  }

  #wake(now: number): void {
    for (const id of [...this.#isolated]) if (now >= this.#isolatedUntilMs(id)) this.#release(id);
    if (this.#nextSweepMs === undefined || now < this.#nextSweepMs) return;
    for (const task of [...this.#tasks.values()]) {
      const swarm = task.version === undefined ? undefined : this.#swarms.get(task.version);
      const idle = now - task.usedAtMs >= this.#tuning.forgetTaskMs && task.waiting.size === 0;
      if (idle && (swarm?.peers.length ?? 0) === 0 && swarm?.seed !== "reading") this.#forget(task.id);
    }
    this.#nextSweepMs = this.#tasks.size === 0 ? undefined : now + this.#tuning.forgetTaskMs;
  }
}
