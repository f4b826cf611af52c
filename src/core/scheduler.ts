// The cluster manager's mind, as a machine: which version of a task is current, who exchanges with whom, whom to isolate.
//
// Theory of operation. A host registers for a task with an audience (whose rights it asks with). If the origin confirmed the task's
// version for that audience a short while ago, the host is admitted at once; else one probe is made, however many wait for it, and all
// are admitted or refused by its outcome: so content behind credentials is given only to whom the origin would give it, cache hit or
// not. Admission makes the host a peer of the version's swarm: it gets a few random neighbours, and each of these gets it. The seed reads the
// origin once per version. What is here is soft: after a restart the daemons tell their holdings again.

import type { WireError } from "./error.ts";
import { Hosts } from "./hosts.ts";
import type { Audience, HostId, TaskId, VersionId } from "./ids.ts";
import type { Random } from "./random.ts";
import type { DropReason, SchedulerEffect, SchedulerEvent } from "./scheduler-event.ts";
import { type SchedulerTuning, schedulerTuning } from "./scheduler-tuning.ts";
import { type Host, type HostLoadReport, neighbourLimit, type Peer, Swarm } from "./swarm.ts";
import { Tasks, type Waiting } from "./tasks.ts";

export interface SchedulerOptions {
  readonly random: Random;
  /** How long the origin's word on a version counts where neither it nor the asker says, in milliseconds. */
  readonly freshnessMs: number;
  readonly tuning?: SchedulerTuning;
}

interface Wanted {
  readonly task: TaskId;
  readonly audience: Audience;
  readonly maxAgeMs?: number | undefined;
}

export class Scheduler {
  readonly #random: Random;
  readonly #tuning: SchedulerTuning;
  readonly #tasks: Tasks;
  readonly #freshnessMs: number;
  readonly #hosts: Hosts;
  readonly #swarms = new Map<VersionId, Swarm>();
  #effects: SchedulerEffect[] = [];

  constructor(options: SchedulerOptions) {
    this.#random = options.random;
    this.#tuning = options.tuning ?? schedulerTuning;
    this.#hosts = new Hosts(this.#tuning);
    this.#tasks = new Tasks(this.#tuning.forgetTaskMs);
    this.#freshnessMs = options.freshnessMs;
  }

  step(event: SchedulerEvent, nowMs: number): readonly SchedulerEffect[] {
    this.#effects = [];
    this.#apply(event, nowMs);
    return this.#effects;
  }

  nextWake(): number {
    return Math.min(this.#tasks.nextSweepMs, this.#hosts.nextReleaseMs);
  }

  /** For the API: what it knows, read only. */
  get hosts(): ReadonlyMap<HostId, Host> {
    return this.#hosts.byId;
  }

  get swarms(): ReadonlyMap<VersionId, Swarm> {
    return this.#swarms;
  }

  currentVersion(task: TaskId): VersionId | undefined {
    return this.#tasks.version(task);
  }

  get tasks(): Iterable<TaskId> {
    return this.#tasks.ids;
  }

  /** Whoever registers for it now is admitted at once, without a word from the origin. */
  isConfirmed(wanted: Wanted, nowMs: number): boolean {
    return this.#confirmed(wanted, nowMs) !== undefined;
  }

  #apply(event: SchedulerEvent, now: number): void {
    switch (event.type) {
      case "host-joined":
        return this.#hostJoined(event);
      case "host-left":
        return this.#hostLeft(event.id);
      case "register":
        return this.#register(event, { host: event.host, request: event.request }, now);
      case "seed-wanted":
        return this.#register(event, { host: undefined, request: event.request }, now);
      case "probed":
        return this.#probed(event, now);
      case "probe-failed":
        return this.#probeFailed(event.task, event.audience, event.error);
      case "seed":
        return this.#seedComplete(event.version);
      case "seed-failed":
        return this.#seedFailed(event.version, event.error);
      case "holding":
        return this.#holding(event.host, event.task, event.version, event.complete, now);
      case "progress":
        return this.#progress(event.host, event.version, event);
      case "left":
        return this.#left(event.host, event.version, event.moved);
      case "parted":
        return this.#parted(event.host, event.version, event.neighbour);
      case "more-neighbours":
        return this.#moreNeighbours(event.host, event.version, event.count, event.least);
      case "strike":
        return this.#strike(event, now);
      case "load":
        return this.#loaded(event.host, event.load);
      case "release":
        return this.#release(event.host);
      case "forget":
        return this.#forget(event.task);
      case "wake":
        return this.#wake(now);
    }
  }

  // --- hosts

  #hostJoined({ id, address, labels, limits }: Extract<SchedulerEvent, { type: "host-joined" }>): void {
    const strikes = this.#hosts.get(id)?.strikes;
    this.#hostLeft(id);
    this.#hosts.join({ id, address, labels, limits }, strikes);
  }

  #hostLeft(id: HostId): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    for (const version of [...host.peers.keys()]) this.#left(id, version);
    this.#hosts.leave(host);
  }

  #loaded(id: HostId, load: HostLoadReport): void {
    const host = this.#hosts.get(id);
    if (host !== undefined) host.load = load;
  }

  #left(id: HostId, version: VersionId, moved = false): void {
    const peer = this.#hosts.peer(id, version);
    const swarm = this.#swarms.get(version);
    if (peer === undefined || swarm === undefined) return;
    if (moved) {
      peer.admitted = false;
      peer.offers = true;
      return;
    }
    for (const { host } of peer.neighbours) this.#drop(host, version, id, "left");
    swarm.leave(peer);
  }

  #drop(host: Host, version: VersionId, neighbour: HostId, reason: DropReason): void {
    this.#effects.push({ type: "drop", host: host.id, version, neighbour, reason });
  }

  // --- tasks

  #register(wanted: Wanted, waiting: Waiting, now: number): void {
    const swarm = this.#confirmed(wanted, now);
    if (swarm !== undefined) return this.#admit(swarm, waiting);
    const { task, audience } = wanted;
    if (this.#tasks.wait(task, audience, waiting)) this.#effects.push({ type: "probe", task, audience });
  }

  #confirmed({ task, audience, maxAgeMs }: Wanted, now: number): Swarm | undefined {
    const version = this.#tasks.confirmed(task, audience, now, maxAgeMs);
    const swarm = version === undefined ? undefined : this.#swarms.get(version);
    return swarm?.seed === "failed" ? undefined : swarm;
  }

  #probed(event: Extract<SchedulerEvent, { type: "probed" }>, now: number): void {
    const { task: id, audience, version, freshForMs = this.#freshnessMs } = event;
    this.#tasks.confirm(id, audience, version, { atMs: now, forMs: freshForMs });
    const swarm = this.#swarm(version, id);
    if (swarm.seed === "idle" || swarm.seed === "failed") {
      swarm.seed = "reading";
      this.#effects.push({ type: "start-seed", task: id, version });
    }
    for (const waiting of this.#tasks.takeWaiting(id, audience)) this.#admit(swarm, waiting);
  }

  #probeFailed(id: TaskId, audience: Audience, error: WireError): void {
    for (const { host, request } of this.#tasks.takeWaiting(id, audience)) {
      if (host === undefined) this.#effects.push({ type: "not-seeding", request, error });
      else this.#effects.push({ type: "refuse", host, request, error });
    }
  }

  #swarm(version: VersionId, task: TaskId): Swarm {
    const swarm = this.#swarms.get(version) ?? new Swarm(version, task);
    this.#swarms.set(version, swarm);
    return swarm;
  }

  #seedComplete(version: VersionId): void {
    const swarm = this.#swarms.get(version);
    if (swarm !== undefined) swarm.seed = "complete";
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
    const version = this.#tasks.forget(id);
    const swarm = version === undefined ? undefined : this.#swarms.get(version);
    if (swarm === undefined) return;
    for (const peer of [...swarm.peers]) swarm.leave(peer);
    this.#swarms.delete(swarm.version);
  }

  // --- swarms

  /** Who is complete stays so: it will find that it holds the version, and report nothing. */
  #admit(swarm: Swarm, { host: id, request }: Waiting): void {
    if (id === undefined) return void this.#effects.push({ type: "seeding", request, version: swarm.version });
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    const peer = swarm.join(host, "fetching");
    peer.admitted = true;
    const wanted = Math.min(this.#tuning.introduce, neighbourLimit(host, this.#tuning));
    const fresh = this.#introduceTo(swarm, peer, wanted - peer.neighbours.length);
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
    if (count <= 0) return [];
    const chosen = swarm.chooseNeighbours(peer, count, this.#random, this.#tuning);
    const { version } = swarm;
    const neighbours = [peer.host];
    for (const other of chosen) {
      swarm.link(peer, other);
      // Who is complete wants nobody, but gives to those alone that it has heard of.
      this.#effects.push({ type: "introduce", host: other.host.id, version, neighbours });
    }
    return chosen;
  }

  #holding(id: HostId, taskId: TaskId, version: VersionId, complete: boolean, now: number): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    this.#tasks.use(taskId, now);
    const swarm = this.#swarm(version, taskId);
    const peer = swarm.join(host, complete ? "complete" : "fetching");
    peer.offers = true;
    if (complete) swarm.complete(peer);
  }

  #progress(id: HostId, version: VersionId, report: Extract<SchedulerEvent, { type: "progress" }>): void {
    const peer = this.#hosts.peer(id, version);
    if (peer === undefined) return;
    peer.heldPieces = report.heldPieces;
    peer.from = report.from;
    peer.facts = report.facts;
    if (report.complete) this.#swarms.get(version)?.complete(peer);
    else peer.state = "fetching";
  }

  #moreNeighbours(id: HostId, version: VersionId, count: number, least: HostId | undefined): void {
    const peer = this.#hosts.peer(id, version);
    const swarm = this.#swarms.get(version);
    if (peer === undefined || swarm === undefined || !peer.admitted) return;
    // Who is complete asks for nobody: it fetches again.
    peer.state = "fetching";
    const dropped = peer.neighbours.find((other) => other.host.id === least);
    const room = neighbourLimit(peer.host, this.#tuning) - peer.neighbours.length + (dropped === undefined ? 0 : 1);
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
    const peer = this.#hosts.peer(id, version);
    const other = peer?.neighbours.find(({ host }) => host.id === neighbour);
    if (peer !== undefined && other !== undefined) this.#swarms.get(version)?.unlink(peer, other);
  }

  #strike(event: Extract<SchedulerEvent, { type: "strike" }>, now: number): void {
    const host = this.#hosts.get(event.host);
    if (host === undefined) return;
    const { by, version, reason, piece } = event;
    // It has said why: its host's own work goes first.
    if (host.load?.givingWay === true && (reason === "stalled" || reason === "slow")) return;
    const untilMs = this.#hosts.strike(host, { reason, atMs: now, by, version, piece });
    if (untilMs === undefined) return;
    this.#effects.push({ type: "isolated", host: host.id, reason, untilMs });
    for (const [id, peer] of host.peers) {
      const swarm = this.#swarms.get(id);
      for (const neighbour of [...peer.neighbours]) {
        this.#drop(neighbour.host, id, host.id, "isolated");
        this.#drop(host, id, neighbour.host.id, "you-are-isolated");
        swarm?.unlink(peer, neighbour);
      }
    }
  }

  #release(id: HostId): void {
    if (this.#hosts.release(id)) this.#effects.push({ type: "released", host: id });
  }

  #wake(now: number): void {
    for (const id of this.#hosts.advance(now)) this.#effects.push({ type: "released", host: id });
    for (const { id, version } of this.#tasks.sweep(now)) {
      const swarm = version === undefined ? undefined : this.#swarms.get(version);
      if ((swarm?.peers.length ?? 0) === 0 && swarm?.seed !== "reading") this.#forget(id);
    }
  }
}
