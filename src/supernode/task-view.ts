// One task as its live page shows it: what each host holds of it, who gives to whom and how fast, and how far all of it is from the bound.

import { boundOf } from "../core/bound.ts";
import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import type { JsonObject } from "../core/merge-patch.ts";
import { mapPieces } from "../core/piece-map.ts";
import type { Peer } from "../core/swarm.ts";
import type { LiveTask, LiveTaskHost } from "../wire/live.ts";
import { lineOf } from "./cluster-view.ts";
import type { LiveSource } from "./live-topic.ts";
import type { LiveWorld } from "./live-world.ts";
import { RateBook } from "./rate-book.ts";
import type { Seed } from "./seed.ts";
import type { WatchedHost } from "./watches.ts";

type LiveTaskState = Exclude<LiveTask, { gone: true }>;

/** Hosts that are shown; those that fetch come first. */
const maxHosts = 128;

export class TaskView implements LiveSource {
  readonly #world: LiveWorld;
  readonly #task: TaskId;
  readonly #rates = new RateBook<string>();
  /** The best rate at which one host was seen to send. */
  #bestUp = 0;
  #watched: VersionId | undefined;

  constructor(world: LiveWorld, task: TaskId) {
    this.#world = world;
    this.#task = task;
  }

  read(nowMs: number): JsonObject {
    const seed = this.#find();
    if (seed === undefined) return { gone: true } satisfies LiveTask;
    const { cluster } = this.#world;
    const { id, taskId, length, pieceLength } = seed.version;
    const told = this.#watch(id);
    const swarm = cluster.scheduler.swarms.get(id);
    const line = lineOf(seed, swarm);
    const rate = (name: keyof typeof line.bytes): number => this.#rates.note(name, line.bytes[name], nowMs);
    const rates = { peers: rate("peers"), supernode: rate("supernode"), origin: rate("origin"), read: rate("read") };
    const peers = [...(swarm?.peers ?? [])].sort(
      (a, b) => Number(a.state === "complete") - Number(b.state === "complete"),
    );
    const hosts: Record<string, LiveTaskHost> = {};
    for (const peer of peers.slice(0, maxHosts)) {
      hosts[peer.host.id] = this.#describe(peer, told.get(peer.host.id), { length, nowMs });
    }
    this.#rates.turn();
    const total = rates.peers + rates.supernode + rates.origin;
    this.#learn(hosts);
    const { stride, cells, set } = mapPieces(seed.held, line.pieces ?? seed.held.words.length * 32);
    const curve = cluster.traffic.curve(id);
    const { missing } = line;
    return {
      ...line,
      rate: total,
      id: taskId,
      version: id,
      pieceLength,
      ...{ stride, cells, hosts, rates },
      supernode: this.#world.id,
      map: base64(set.toBytes(cells)),
      leftMs: missing > 0 ? leftMs(missing, total) : undefined,
      curve: curveOf(curve?.points ?? []),
      bound: this.#bound(seed, peers, (curve?.sum ?? 0) + missing),
    } satisfies LiveTask;
  }

  close(): void {
    if (this.#watched !== undefined) this.#world.cluster.watches.end(this.#watched);
    this.#watched = undefined;
    this.#rates.clear();
  }

  #find(): Seed | undefined {
    const { cluster, seeds } = this.#world;
    const version = cluster.scheduler.currentVersion(this.#task);
    return (version === undefined ? undefined : seeds.find(version)) ?? seeds.ofTask(this.#task);
  }

  /** A task may have come to another version meanwhile. */
  #watch(version: VersionId): ReadonlyMap<HostId, WatchedHost> {
    const { watches } = this.#world.cluster;
    if (this.#watched !== undefined && this.#watched !== version) watches.end(this.#watched);
    this.#watched = version;
    return watches.begin(version);
  }

  #describe(peer: Peer, told: WatchedHost | undefined, at: { length: number | null; nowMs: number }): LiveTaskHost {
    const { state, heldPieces: held, from: bytes, host, facts } = peer;
    const fetching = state === "fetching";
    const received = bytes.peers + bytes.supernode + bytes.origin;
    const rate = this.#rates.note(host.id, received, at.nowMs);
    const missing = at.length === null ? 0 : at.length - received;
    // Who was not looked at while it fetched has still told who gave it most.
    const sums = told?.detail.givers ?? facts?.from.map((giver) => [giver.host, giver.bytes] as const) ?? [];
    const givers = sums.map(([giver, sum]) => {
      return [giver, [sum, fetching ? (told?.rates.get(giver)?.perSecond ?? 0) : 0]] as const;
    });
    return {
      address: host.address ?? undefined,
      ...{ state, held, bytes },
      rate: fetching ? rate : 0,
      leftMs: fetching && missing > 0 ? leftMs(missing, rate) : undefined,
      map: fetching ? told?.detail.held : undefined,
      givers: Object.fromEntries(givers),
    };
  }

  #learn(hosts: LiveTaskState["hosts"]): void {
    const given = new Map<string, number>();
    for (const { givers } of Object.values(hosts)) {
      for (const [giver, [, perSecond = 0]] of Object.entries(givers)) {
        given.set(giver, (given.get(giver) ?? 0) + perSecond);
      }
    }
    given.delete(this.#world.id);
    this.#bestUp = Math.max(this.#bestUp, ...given.values());
  }

  /** For the hosts that there are, each as fast as the fastest was; those that had some before count for what they lacked. */
  #bound({ version, originBytesPerSecond }: Seed, peers: readonly Peer[], wanted: number): LiveTaskState["bound"] {
    const bytes = version.length ?? 0;
    const down = Math.max(0, ...peers.map(({ facts }) => facts?.bestBytesPerSecond ?? 0));
    if (bytes === 0 || wanted === 0 || down === 0) return undefined;
    const hosts = wanted / bytes;
    const limits = peers.map(({ host }) => host.limits?.upload ?? 0);
    const up = limits.includes(0) ? this.#bestUp : limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
    const { seconds, by } = boundOf({
      ...{ bytes, hosts, down },
      // Where nothing limits, nobody knows what could be.
      source: originBytesPerSecond || Number.POSITIVE_INFINITY,
      seedUp: this.#world.uploadLimit || Number.POSITIVE_INFINITY,
      upSum: up === 0 ? Number.POSITIVE_INFINITY : hosts * up,
    });
    return { ms: Math.round(seconds * 1000), by };
  }
}

function leftMs(bytes: number, rate: number): number | undefined {
  return rate === 0 ? undefined : Math.round((bytes / rate) * 10) * 100;
}

function curveOf(points: readonly (readonly [atMs: number, sum: number])[]): LiveTaskState["curve"] {
  const startMs = points[0]?.[0] ?? 0;
  return points.map(([atMs, sum]) => [Math.round(atMs - startMs), sum]);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
