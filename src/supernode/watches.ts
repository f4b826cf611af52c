// Versions that somebody looks at: their hosts are asked to tell more, and more often, for as long as that lasts.

import type { HostId, VersionId } from "../core/ids.ts";
import { SlidingRate } from "../core/sliding-rate.ts";
import type { Peer } from "../core/swarm.ts";
import type { FromDaemonOf, FromSupernode, ProgressDetail } from "../wire/control.ts";

/** Hosts tell so often; a little more than twice a second. */
const everyMs = 400;
/** Of hosts whose detail is kept. */
const maxHosts = 1024;

/** What one host told of a watched version last. */
export interface WatchedHost {
  readonly detail: ProgressDetail;
  readonly rates: ReadonlyMap<HostId, SlidingRate>;
}

interface Told extends WatchedHost {
  readonly rates: Map<HostId, SlidingRate>;
}

export interface WatchesOptions {
  readonly post: (host: HostId, message: FromSupernode) => void;
  readonly peersOf: (version: VersionId) => readonly Peer[];
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #watched = new Map<VersionId, Map<HostId, Told>>();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** What hosts told since; no-op for one that is watched. */
  begin(version: VersionId): ReadonlyMap<HostId, WatchedHost> {
    const known = this.#watched.get(version);
    if (known !== undefined) return known;
    const told = new Map<HostId, Told>();
    this.#watched.set(version, told);
    this.#tellAll(version, everyMs);
    return told;
  }

  end(version: VersionId): void {
    if (this.#watched.delete(version)) this.#tellAll(version, 0);
  }

  /** A host began, or began again. */
  admitted(host: HostId, version: VersionId): void {
    if (this.#watched.has(version)) this.#options.post(host, { type: "watch", version, everyMs });
  }

  heard(host: HostId, { version, detail }: FromDaemonOf<"progress">, nowMs: number): void {
    const told = this.#watched.get(version);
    if (told === undefined || detail === undefined) return;
    const rates = told.get(host)?.rates ?? new Map<HostId, SlidingRate>();
    if (told.size >= maxHosts && !told.has(host)) return;
    for (const [giver, bytes] of detail.givers) {
      let rate = rates.get(giver);
      if (rate === undefined) {
        rate = new SlidingRate();
        rates.set(giver, rate);
      }
      rate.note(bytes, nowMs);
    }
    told.set(host, { detail, rates });
  }

  #tellAll(version: VersionId, ms: number): void {
    for (const { host, state } of this.#options.peersOf(version)) {
      if (state === "fetching") this.#options.post(host.id, { type: "watch", version, everyMs: ms });
    }
  }
}
