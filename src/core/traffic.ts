// What hosts received and what the origins gave for it: over the last 24 hours in quarters of an hour, and for each version as a curve. Bounded, and a few
// additions for each report.

import { Curve } from "./curve.ts";
import type { HostId, VersionId } from "./ids.ts";
import type { BytesBySource } from "./swarm.ts";

/** `read` is what the supernode read from origins; the rest is what hosts received, by source. */
export interface Volume extends BytesBySource {
  readonly read: number;
}

type Counts = { -readonly [K in keyof Volume]: number };

export const quarterMs = 900_000;
const quarters = 96;
/** After so long without a byte a version is wanted anew, and its curve begins again. */
const idleMs = 60_000;
const maxVersions = 1024;
const maxRunning = 131_072;

export class Traffic {
  /** Of the last 24 hours, by number of the quarter since the epoch of the clock. */
  readonly #quarters = new Map<number, Counts>();
  readonly #totals = nothing();
  /** What each running download told last: it tells totals, over a lost channel too. */
  readonly #told = new Map<string, BytesBySource>();
  readonly #curves = new Map<VersionId, Curve>();

  /** All that was counted, ever growing. */
  get totals(): Volume {
    return this.#totals;
  }

  /** How much a version's hosts have received, and when, since it was last wanted. Undefined for one of which nothing was told in a long time. */
  curve(version: VersionId): Curve | undefined {
    return this.#curves.get(version);
  }

  /** A download told what it has received since it began. */
  received(host: HostId, version: VersionId, from: BytesBySource, at: { nowMs: number; last: boolean }): void {
    const key = `${host} ${version}`;
    const before = this.#told.get(key) ?? none;
    const began = from.peers < before.peers || from.supernode < before.supernode || from.origin < before.origin;
    const since = began ? none : before;
    this.#told.delete(key);
    if (!at.last) {
      this.#told.set(key, from);
      dropOldest(this.#told, maxRunning);
    }
    const peers = from.peers - since.peers;
    const supernode = from.supernode - since.supernode;
    const origin = from.origin - since.origin;
    if (peers + supernode + origin === 0) return;
    this.#count({ peers, supernode, origin, read: 0 }, at.nowMs);
    this.#curveOf(version, at.nowMs).add(peers + supernode + origin, at.nowMs);
  }

  /** The supernode read so much from an origin. */
  read(bytes: number, nowMs: number): void {
    this.#count({ ...none, read: bytes }, nowMs);
  }

  /** By quarter of an hour; those without traffic are left out. */
  lastDay(nowMs: number): ReadonlyMap<number, Volume> {
    this.#forget(nowMs);
    return this.#quarters;
  }

  #count(volume: Volume, nowMs: number): void {
    const quarter = Math.floor(nowMs / quarterMs);
    let counts = this.#quarters.get(quarter);
    if (counts === undefined) {
      this.#forget(nowMs);
      counts = nothing();
      this.#quarters.set(quarter, counts);
    }
    addTo(counts, volume);
    addTo(this.#totals, volume);
  }

  #forget(nowMs: number): void {
    const oldest = Math.floor(nowMs / quarterMs) - quarters + 1;
    for (const quarter of this.#quarters.keys()) if (quarter < oldest) this.#quarters.delete(quarter);
  }

  #curveOf(version: VersionId, nowMs: number): Curve {
    const known = this.#curves.get(version);
    const curve = known === undefined || nowMs - known.endMs > idleMs ? new Curve() : known;
    this.#curves.delete(version);
    this.#curves.set(version, curve);
    dropOldest(this.#curves, maxVersions);
    return curve;
  }
}

export function sumOf(volumes: Iterable<Volume>): Volume {
  const sum = nothing();
  for (const volume of volumes) addTo(sum, volume);
  return sum;
}

const none: Volume = Object.freeze({ peers: 0, supernode: 0, origin: 0, read: 0 });

function nothing(): Counts {
  return { ...none };
}

function addTo(counts: Counts, volume: Volume): void {
  counts.peers += volume.peers;
  counts.supernode += volume.supernode;
  counts.origin += volume.origin;
  counts.read += volume.read;
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
