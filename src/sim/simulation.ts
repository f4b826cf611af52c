// Production's scheduler, downloads and upload queues in virtual time: makes the world of a scenario, lets events happen one after
// another until every host that lives is complete, and measures. The same scenario gives the same result to the last bit.

import type { Bitset } from "../core/bitset.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import { seededRandom } from "../core/random.ts";
import type { SchedulerEvent } from "../core/scheduler-event.ts";
import type { Host } from "../core/swarm.ts";
import { choosePieceLength, countPieces } from "../core/version.ts";
import { Alarms } from "./alarms.ts";
import { eventKind } from "./event-kind.ts";
import { EventQueue } from "./event-queue.ts";
import { type Fault, strikesAtMs, struckHosts } from "./fault.ts";
import { type Measurement, measure } from "./measurement.ts";
import { Network } from "./network.ts";
import type { Scenario } from "./scenario.ts";
import { SimHost } from "./sim-host.ts";
import { everybody, SimSupernode } from "./sim-supernode.ts";
import { Uploader } from "./uploader.ts";
import { World } from "./world.ts";

/** A piece crosses the network in blocks of so much: links pass on smaller ones, and each hop would wait longer for larger ones. */
const blockBytes = 128 * 1024;
/** A host that vanished is given up by its connections after this. */
const vanishedMs = 5000;
const WAKE = { type: "wake" } as const;

export function simulate(scenario: Scenario): Measurement {
  const simulation = new Simulation(scenario);
  simulation.run();
  return simulation.measure();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #random;
  readonly #queue = new EventQueue();
  readonly #world: World;
  readonly #supernode: SimSupernode;
  readonly #hosts: SimHost[] = [];
  readonly #seeds: Uploader[] = [];
  readonly #corruptShare: Float64Array;
  readonly #faultTimes: { readonly fault: Fault; readonly host: number }[] = [];
  /** [milliseconds, bytes] of pieces sent by the seeds. */
  readonly #seedSent: [number, number][] = [];
  #unfinished: number;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed);
    const { hosts, seeds, size } = scenario;
    const nodes = hosts + seeds;
    const pieceLength = scenario.pieceLength ?? choosePieceLength(size);
    const racks = Math.max(1, scenario.racks) + 1;
    const network = new Network(
      this.#queue,
      { nodes, latencyMs: scenario.latencyMs, blockBytes, racks, rackRate: scenario.rackRate / 1000 },
      (transfer) => this.#arriving(transfer),
    );
    this.#world = new World(
      {
        queue: this.#queue,
        alarms: new Alarms(this.#queue, hosts),
        network,
        latencyMs: scenario.latencyMs,
        file: {
          task: "0".repeat(64) as TaskId,
          version: "1".repeat(64) as VersionId,
          length: size,
          pieceLength,
          pieces: countPieces(size, pieceLength),
        },
      },
      nodes,
    );
    this.#corruptShare = new Float64Array(hosts);
    this.#unfinished = hosts;
    this.#populate();
    this.#supernode = new SimSupernode(this.#world, scenario, this.#seeds);
    this.#scheduleFaults();
  }

  run(): void {
    const queue = this.#queue;
    while (this.#unfinished > 0 && queue.next()) this.#handle();
  }

  measure(): Measurement {
    const { file, network } = this.#world;
    return measure({
      scenario: this.#scenario,
      file,
      upSum: network.upRate.subarray(0, this.#scenario.hosts).reduce((sum, rate) => sum + rate * 1000, 0),
      hosts: this.#hosts,
      downBytes: network.downBytes,
      refusals: [...this.#seeds, ...this.#hosts.map((host) => host.uploader)].reduce(
        (sum, { refusals }) => sum + refusals,
        0,
      ),
      seedRefusals: this.#seeds.reduce((sum, { refusals }) => sum + refusals, 0),
      seedSent: this.#seedSent,
      events: this.#queue.taken,
    });
  }

  #populate(): void {
    const { hosts, seeds, up, down, seedUp, racks, staggerMs, seed } = this.#scenario;
    const { network, file } = this.#world;
    for (let host = 0; host < hosts; host++) {
      network.upRate[host] = up / 1000;
      network.downRate[host] = down / 1000;
      network.rack[host] = racks > 0 ? host % racks : 0;
      const random = seededRandom(seed * 1_000_003 + host);
      const uploader = new Uploader(this.#world, host, { seed: false, random });
      this.#hosts.push(new SimHost(this.#world, host, uploader, random));
      this.#queue.push(this.#random.next() * staggerMs, eventKind.join, host);
    }
    for (let at = 0; at < seeds; at++) {
      const node = hosts + at;
      network.upRate[node] = seedUp / 1000;
      network.downRate[node] = Number.POSITIVE_INFINITY;
      network.rack[node] = Math.max(1, racks);
      const random = seededRandom(seed * 1_000_003 + node);
      this.#seeds.push(new Uploader(this.#world, node, { seed: true, random }));
    }
    if (file.pieces === 0) this.#unfinished = 0;
  }

  #scheduleFaults(): void {
    for (const fault of this.#scenario.faults) {
      for (const host of struckHosts(fault, this.#scenario.hosts, this.#random)) {
        const number = this.#faultTimes.push({ fault, host }) - 1;
        this.#queue.push(strikesAtMs(fault, this.#random), eventKind.fault, number);
      }
    }
  }

  #handle(): void {
    const { kind, a, b, c, d, payload } = this.#queue;
    const { network } = this.#world;
    switch (kind) {
      case eventKind.block:
        return network.onBlock(a);
      case eventKind.news:
        return this.#node(a).tellNews();
      case eventKind.have:
        return this.#have(a, payload as number[]);
      case eventKind.request:
        return this.#node(a).requested(b, payload === undefined ? c : -1, payload as Bitset | undefined);
      case eventKind.busy: {
        const piece = c < 0 ? undefined : c;
        return this.#host(a).step({ type: "busy", id: this.#world.id(b), piece, retryAfterMs: d });
      }
      case eventKind.wake:
        if (this.#world.alarms.rings(a)) this.#host(a).step(WAKE);
        return;
      case eventKind.uplinkFree:
        return network.onUplinkFree(a);
      case eventKind.arrived:
        return this.#arrived(a);
      case eventKind.taken:
        this.#node(network.transfers.from[a] as number).taken(a);
        return network.transfers.eventOver(a);
      case eventKind.granted:
        return this.#host(a).step({ type: "granted", id: this.#world.id(b), piece: c });
      case eventKind.notHeld:
        return this.#host(a).step({ type: "not-held", id: this.#world.id(b), piece: c < 0 ? undefined : c });
      case eventKind.cancel:
        return this.#node(a).cancelled(b, c);
      case eventKind.dial:
        if (this.#host(b).alive && this.#host(b).dialled.has(a)) this.#node(a).dialled(b);
        return;
      case eventKind.bitmap:
        return this.#host(a).step({
          type: "bitmap",
          id: this.#world.id(b),
          held: payload as Bitset,
          rttMs: 2 * this.#scenario.latencyMs,
        });
      case eventKind.rackOut:
        return network.onRackOut(a, b);
      case eventKind.rackIn:
        return network.onRackIn(a, b);
      default:
        return this.#handleControl(kind, a, b, payload);
    }
  }

  #handleControl(kind: number, a: number, b: number, payload: unknown): void {
    switch (kind) {
      case eventKind.join:
        return this.#join(a);
      case eventKind.introduce:
        return this.#introduced(a, b === 1, payload as readonly Host[]);
      case eventKind.drop:
      case eventKind.gone:
        return this.#host(a).lost(this.#world.id(b));
      case eventKind.hangUp:
        return this.#node(a).hungUp(b);
      case eventKind.control:
        return this.#supernode.step(payload as SchedulerEvent);
      case eventKind.schedulerWake:
        return this.#supernode.wake();
      case eventKind.landed:
        return this.#supernode.landed(a);
      case eventKind.manifest:
        return this.#supernode.tellManifest();
      case eventKind.known:
        for (const host of this.#hosts) host.known(a, b);
        return;
      case eventKind.fault:
        return this.#strike(a);
    }
  }

  #host(node: number): SimHost {
    return this.#hosts[node] as SimHost;
  }

  #node(node: number): Uploader {
    return node < this.#hosts.length ? this.#host(node).uploader : (this.#seeds[node - this.#hosts.length] as Uploader);
  }

  // --- pieces

  #have(node: number, pieces: readonly number[]): void {
    const event = { type: "have", id: this.#world.id(node), pieces } as const;
    const { listeners } = this.#node(node);
    for (let at = 0; at < listeners.length; at++) {
      const listener = listeners[at] as number;
      // A download ignores what it holds; not to ask it spares half of all calls.
      if (!this.#world.holdsAll(listener, pieces)) this.#host(listener).step(event);
    }
  }

  #arriving(transfer: number): void {
    const { from, to, piece } = this.#world.network.transfers;
    const id = this.#world.id(from[transfer] as number);
    this.#host(to[transfer] as number).step({ type: "arriving", id, piece: piece[transfer] as number });
  }

  #arrived(transfer: number): void {
    const { network, nowMs, latencyMs } = this.#world;
    const from = network.transfers.from[transfer] as number;
    const host = this.#host(network.transfers.to[transfer] as number);
    if (!network.cancelled(transfer)) {
      network.expectTaken(transfer, nowMs + (host.alive ? latencyMs : vanishedMs));
      this.#deliver(transfer, from, host);
    }
    network.transfers.eventOver(transfer);
  }

  #deliver(transfer: number, from: number, host: SimHost): void {
    const { transfers } = this.#world.network;
    const piece = transfers.piece[transfer] as number;
    if (from >= this.#hosts.length) {
      const bytes = transfers.bytes[transfer] as number;
      this.#seedSent.push([this.#world.nowMs, bytes]);
      host.fromSeedBytes += bytes;
    }
    const share = this.#corruptShare[from] ?? 0;
    const before = host.completeMs;
    host.arrived(from, piece, share === 0 || this.#random.next() >= share);
    if (host.completeMs !== before) this.#unfinished--;
  }

  #join(node: number): void {
    const host = this.#host(node);
    if (!host.alive) return;
    host.joinedMs = this.#world.nowMs;
    const { racks, zones } = this.#scenario;
    const rack = racks > 0 ? node % racks : undefined;
    const labels = {
      ...(rack === undefined ? {} : { rack: `r${rack}` }),
      ...(zones === 0 ? {} : { zone: `z${(rack ?? node) % zones}` }),
    };
    const id = this.#world.id(node);
    this.#world.tellScheduler(node, { type: "host-joined", id, address: `host-${node}`, labels });
    const { task } = this.#world.file;
    this.#world.tellScheduler(node, { type: "register", host: id, request: 1, task, audience: everybody });
  }

  #introduced(node: number, first: boolean, neighbours: readonly Host[]): void {
    const host = this.#host(node);
    if (!host.alive) return;
    if (first) {
      const seeds = this.#seeds.map((_, at) => this.#world.id(this.#hosts.length + at));
      host.admitted(this.#supernode.knownPieces, seeds, this.#scenario.reader);
    }
    host.introduced(neighbours.map(({ id }) => id));
  }

  // --- faults

  #strike(number: number): void {
    const struck = this.#faultTimes[number];
    if (struck === undefined) return;
    const { fault, host } = struck;
    const { network, nowMs } = this.#world;
    switch (fault.kind) {
      case "slow":
        if (fault.up !== undefined) network.upRate[host] = fault.up / 1000;
        if (fault.down !== undefined) network.downRate[host] = fault.down / 1000;
        return;
      case "corrupt":
        this.#corruptShare[host] = fault.corruptShare;
        return;
      case "stall":
        network.stalledUntilMs[host] = nowMs + fault.forSeconds * 1000;
        return;
      case "die":
        return this.#die(host, this.#world.latencyMs);
      case "vanish":
        return this.#die(host, vanishedMs);
    }
  }

  #die(node: number, noticedMs: number): void {
    const host = this.#host(node);
    if (!host.alive) return;
    if (host.completeMs === Number.POSITIVE_INFINITY) this.#unfinished--;
    host.die();
    const noticedAtMs = this.#world.nowMs + noticedMs;
    for (const listener of host.uploader.listeners) this.#queue.push(noticedAtMs, eventKind.gone, listener, node);
    for (const other of host.dialled) this.#queue.push(noticedAtMs, eventKind.hangUp, other, node);
    const left = { type: "host-left", id: this.#world.id(node) } as const;
    this.#queue.pushWith(noticedAtMs, eventKind.control, [node, 0], left);
  }
}
