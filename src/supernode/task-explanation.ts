// Why a task is as fast as it is, host by host, from what the hosts reported and what only the supernode knows.

import { type Cause, explain, type HostExplanation, type Surroundings } from "../core/explain.ts";
import type { HostId } from "../core/ids.ts";
import type { Host, Peer, Swarm } from "../core/swarm.ts";
import type { Seed } from "./seed.ts";

/** Of the supernode, in bytes a second; 0 is unlimited. */
export interface SupernodeLimits {
  readonly upload: number;
  readonly origin: number;
}

export interface TaskExplanation {
  readonly task: string;
  readonly version: string;
  readonly url: string;
  readonly length: number | null;
  /** How many hosts each cause held back. */
  readonly causes: Readonly<Partial<Record<Cause, number>>>;
  /** Those that took longest first, and not more than `limit` of them. */
  readonly hosts: readonly HostExplanation[];
}

export interface Known {
  readonly hosts: ReadonlyMap<HostId, Host>;
  readonly limits: SupernodeLimits;
}

export function explainTask(seed: Seed, swarm: Swarm | undefined, known: Known, limit: number): TaskExplanation {
  const { id, taskId, url, length } = seed.version;
  const measured = (swarm?.peers ?? []).filter(({ facts }) => facts !== undefined);
  const all = measured.map((peer) =>
    explainPeer(peer, length, surroundings(peer, { seed, known, hosts: measured.length })),
  );
  all.sort((a, b) => (b.elapsedMs ?? 0) - (a.elapsedMs ?? 0));
  const causes: Partial<Record<Cause, number>> = {};
  for (const { cause } of all) causes[cause] = (causes[cause] ?? 0) + 1;
  return { task: taskId, version: id, url, length, causes, hosts: all.slice(0, limit) };
}

function explainPeer({ host, state, from, facts }: Peer, length: number | null, around: Surroundings): HostExplanation {
  return explain({ host: host.id, state, length, bytesBySource: from, facts: facts ?? null }, around);
}

interface Around {
  readonly seed: Seed;
  readonly known: Known;
  readonly hosts: number;
}

function surroundings({ facts }: Peer, { seed, known, hosts }: Around): Surroundings {
  const givers = (facts?.from ?? []).map(({ host }) => known.hosts.get(host)?.limits?.upload);
  return {
    hosts,
    seedUploadLimit: known.limits.upload,
    originLimit: known.limits.origin,
    originBytesPerSecond: seed.originBytesPerSecond,
    uploadLimits: givers.filter((limit) => limit !== undefined),
  };
}
