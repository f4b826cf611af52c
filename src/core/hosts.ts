// The hosts that the scheduler knows: those that are connected, and those that are isolated, connected or not.

import type { HostId, VersionId } from "./ids.ts";
import type { SchedulerTuning } from "./scheduler-tuning.ts";
import { type Strike, Strikes } from "./strikes.ts";
import type { Host, Labels, Peer } from "./swarm.ts";

const NEVER = Number.POSITIVE_INFINITY;

export class Hosts {
  readonly #tuning: SchedulerTuning;
  readonly #byId = new Map<HostId, Host>();
  readonly #isolated = new Set<HostId>();
  /** Isolated ones that are not connected: kept until they are released. */
  readonly #away = new Set<HostId>();

  constructor(tuning: SchedulerTuning) {
    this.#tuning = tuning;
  }

  get byId(): ReadonlyMap<HostId, Host> {
    return this.#byId;
  }

  /** When the first isolation ends; Infinity while there is none. */
  get nextReleaseMs(): number {
    let next = NEVER;
    for (const id of this.#isolated) next = Math.min(next, this.#isolatedUntilMs(id));
    return next;
  }

  get(id: HostId): Host | undefined {
    return this.#byId.get(id);
  }

  /** The host's part in the version. */
  peer(id: HostId, version: VersionId): Peer | undefined {
    return this.#byId.get(id)?.peers.get(version);
  }

  /** It has no peers yet; `strikes` is what it brings from before. */
  join(id: HostId, address: string | null, labels: Labels, strikes = new Strikes()): void {
    this.#away.delete(id);
    this.#byId.set(id, { id, address, labels, peers: new Map(), strikes });
  }

  /** It is gone. An isolated host stays known: leaving and coming back must not clear it. */
  leave({ id, strikes }: Host): void {
    if (strikes.isolated) this.#away.add(id);
    else this.#byId.delete(id);
  }

  /** Returns until when the host is isolated for it; undefined when it is not. */
  strike(host: Host, strike: Strike): number | undefined {
    if (!host.strikes.add(strike, this.#tuning)) return undefined;
    this.#isolated.add(host.id);
    return host.strikes.isolatedUntilMs;
  }

  /** Ends an isolation; returns whether there was one. */
  release(id: HostId): boolean {
    const host = this.#byId.get(id);
    if (host === undefined || !host.strikes.isolated) return false;
    host.strikes.release();
    this.#isolated.delete(id);
    if (this.#away.delete(id)) this.#byId.delete(id);
    return true;
  }

  /** Those whose isolation is over. */
  due(nowMs: number): readonly HostId[] {
    return [...this.#isolated].filter((id) => nowMs >= this.#isolatedUntilMs(id));
  }

  #isolatedUntilMs(id: HostId): number {
    return this.#byId.get(id)?.strikes.isolatedUntilMs ?? NEVER;
  }
}
