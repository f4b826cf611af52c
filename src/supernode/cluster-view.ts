// The cluster as the console's overview shows it: sums, rates, the last day, and the tasks and preheats that matter most.

import type { JsonObject } from "../core/merge-patch.ts";
import { isOver } from "../core/preheat-state.ts";
import type { Swarm } from "../core/swarm.ts";
import { quarterMs, sumOf, type Volume } from "../core/traffic.ts";
import { countPieces } from "../core/version.ts";
import type { LiveCluster, LivePreheat, LiveTaskLine } from "../wire/live.ts";
import type { LiveSource } from "./live-topic.ts";
import type { LiveWorld } from "./live-world.ts";
import type { Preheat } from "./preheat.ts";
import { RateBook } from "./rate-book.ts";
import type { Seed } from "./seed.ts";

const maxTasks = 200;
const maxPreheats = 50;
const volumes = ["peers", "supernode", "origin", "read"] as const;

export class ClusterView implements LiveSource {
  readonly #world: LiveWorld;
  readonly #rates = new RateBook<string>();

  constructor(world: LiveWorld) {
    this.#world = world;
  }

  read(nowMs: number): JsonObject {
    const { id, software, startedAtMs, cluster } = this.#world;
    const { traffic, scheduler } = cluster;
    const rate = (name: keyof Volume): number => this.#rates.note(name, traffic.totals[name], nowMs);
    const rates = { peers: rate("peers"), supernode: rate("supernode"), origin: rate("origin"), read: rate("read") };
    const tasks = this.#tasks(nowMs);
    this.#rates.turn();
    const day = traffic.lastDay(nowMs);
    let isolated = 0;
    for (const host of scheduler.hosts.values()) if (host.strikes.isolated) isolated++;
    return {
      nowMs: Date.now(),
      supernode: { id, software, startedAtMs },
      hosts: { connected: cluster.channels.count, isolated },
      ...tasks,
      rates,
      day: { ...sumOf(day.values()) },
      quarters: quartersOf(day),
      preheats: this.#preheats(),
    } satisfies LiveCluster;
  }

  close(): void {
    this.#rates.clear();
  }

  #tasks(nowMs: number): Pick<LiveCluster, "tasks" | "taskCount" | "runningCount"> {
    const { seeds, cluster } = this.#world;
    const lines: [id: string, line: LiveTaskLine][] = [];
    for (const seed of seeds.seeds) {
      const { id, taskId } = seed.version;
      // Of a task's versions the one that is current.
      if (cluster.scheduler.currentVersion(taskId) !== id && cluster.scheduler.currentVersion(taskId) !== undefined)
        continue;
      const line = lineOf(seed, cluster.scheduler.swarms.get(id));
      const { peers, supernode, origin } = line.bytes;
      lines.push([taskId, { ...line, rate: this.#rates.note(id, peers + supernode + origin, nowMs) }]);
    }
    const running = lines.filter(([, line]) => isRunning(line));
    const idle = lines.filter(([, line]) => !isRunning(line)).reverse();
    return {
      taskCount: lines.length,
      runningCount: running.length,
      tasks: Object.fromEntries([...running, ...idle].slice(0, maxTasks)),
    };
  }

  #preheats(): LiveCluster["preheats"] {
    const { all } = this.#world.preheats;
    const running = all.filter(({ state }) => !isOver(state));
    const over = all.filter(({ state }) => isOver(state));
    return Object.fromEntries([...running, ...over].slice(0, maxPreheats).map((one) => [one.id, livePreheat(one)]));
  }
}

/** Without its rate, which only those who look twice can tell. */
export function lineOf(seed: Seed, swarm: Swarm | undefined): LiveTaskLine {
  const { url, length, pieceLength } = seed.version;
  const bytes = { peers: 0, supernode: 0, origin: 0, read: seed.originBytes };
  let complete = 0;
  let missing = 0;
  for (const { from, state, heldPieces } of swarm?.peers ?? []) {
    bytes.peers += from.peers;
    bytes.supernode += from.supernode;
    bytes.origin += from.origin;
    if (state === "complete") complete++;
    else missing += Math.max(0, (length ?? 0) - heldPieces * pieceLength);
  }
  return {
    url,
    state: seed.state,
    length: length ?? undefined,
    held: seed.held.count,
    pieces: length === null ? undefined : countPieces(length, pieceLength),
    fetching: (swarm?.peers.length ?? 0) - complete,
    complete,
    missing,
    bytes,
    rate: 0,
  };
}

function isRunning({ state, fetching }: LiveTaskLine): boolean {
  return state === "reading" || fetching > 0;
}

function quartersOf(day: ReadonlyMap<number, Volume>): LiveCluster["quarters"] {
  const entries = [...day].map(([quarter, volume]) => {
    const beganAtMs = Math.round(performance.timeOrigin + quarter * quarterMs);
    return [String(beganAtMs), volumes.map((name) => volume[name])] as const;
  });
  return Object.fromEntries(entries);
}

function livePreheat(preheat: Preheat): LivePreheat {
  const { url, type, to, state, hosts, bytes, totalBytes, childCounts, createdAtMs, finishedAtMs, error } = preheat;
  return {
    ...{ url, type, to, state, hosts, bytes, createdAtMs, finishedAtMs },
    totalBytes: totalBytes ?? undefined,
    contents: childCounts,
    error: error?.message,
  };
}
