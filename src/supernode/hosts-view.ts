// The hosts as the console lists them: the isolated and the suspected first, then the busiest.

import type { HostId } from "../core/ids.ts";
import type { JsonObject } from "../core/merge-patch.ts";
import type { Host } from "../core/swarm.ts";
import type { LiveHost, LiveHosts } from "../wire/live.ts";
import type { LiveSource } from "./live-topic.ts";
import type { LiveWorld } from "./live-world.ts";
import { RateBook } from "./rate-book.ts";

const maxHosts = 500;

export class HostsView implements LiveSource {
  readonly #world: LiveWorld;
  readonly #rates = new RateBook<string>();

  constructor(world: LiveWorld) {
    this.#world = world;
  }

  read(nowMs: number): JsonObject {
    const { hosts } = this.#world.cluster.scheduler;
    const sent = this.#sent();
    const all = [...hosts.values()].map((host) => {
      const sendRate = this.#rates.note(`from ${host.id}`, sent.get(host.id) ?? 0, nowMs);
      return [host.id, { ...this.#describe(host, nowMs), sendRate }] as const;
    });
    this.#rates.turn();
    if (all.length > maxHosts) all.sort(([, a], [, b]) => weightOf(b) - weightOf(a));
    return { count: all.length, hosts: Object.fromEntries(all.slice(0, maxHosts)) } satisfies LiveHosts;
  }

  close(): void {
    this.#rates.clear();
  }

  /** Bytes by host that gave them, as far as those who got most from it told. */
  #sent(): ReadonlyMap<HostId, number> {
    const sent = new Map<HostId, number>();
    for (const { peers } of this.#world.cluster.scheduler.swarms.values()) {
      for (const { facts } of peers) {
        for (const { host, bytes } of facts?.from ?? []) sent.set(host, (sent.get(host) ?? 0) + bytes);
      }
    }
    return sent;
  }

  #describe({ id, address, labels, limits, peers, strikes }: Host, nowMs: number): Omit<LiveHost, "sendRate"> {
    const bytes = { peers: 0, supernode: 0, origin: 0 };
    let complete = 0;
    for (const { from, state } of peers.values()) {
      bytes.peers += from.peers;
      bytes.supernode += from.supernode;
      bytes.origin += from.origin;
      if (state === "complete") complete++;
    }
    const { isolatedUntilMs } = strikes;
    return {
      address: address ?? undefined,
      zone: labels.zone,
      rack: labels.rack,
      fetching: peers.size - complete,
      complete,
      rate: this.#rates.note(id, bytes.peers + bytes.supernode + bytes.origin, nowMs),
      bytes,
      downloadLimit: limits?.download || undefined,
      uploadLimit: limits?.upload || undefined,
      isolatedForMs: isolatedUntilMs === undefined ? undefined : inSeconds(isolatedUntilMs - nowMs),
      strikes: strikes.list.map(({ reason, atMs, by, version }) => ({
        reason,
        agoMs: inSeconds(nowMs - atMs),
        by,
        version,
      })),
    };
  }
}

/** So that what merely grows older is not news more than once a second. */
function inSeconds(ms: number): number {
  return Math.max(0, Math.round(ms / 1000) * 1000);
}

function weightOf({ isolatedForMs, strikes, rate, fetching }: LiveHost): number {
  return (isolatedForMs === undefined ? 0 : 1e15) + strikes.length * 1e13 + rate + fetching;
}
