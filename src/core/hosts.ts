// The hosts that the scheduler knows: those that are connected, and those that are isolated, connected or not.

import type { HostId, VersionId } from "./ids.ts";
import type { SchedulerTuning } from "./scheduler-tuning.ts";
import { type Strike, Strikes } from "./strikes.ts";
import type { Host, Peer } from "./swarm.ts";

const NEVER = Number.POSITIVE_INFINITY;

export class Hosts {
  readonly #tuning: SchedulerTuning;
  readonly #byId = new Map<HostId, Host>();
  /** Isolated ones and those on probation. */
  readonly #watched = new Set<HostId>();
  /** Those of them that are not connected: kept until they are free. */
  readonly #away = new Set<HostId>();

  constructor(tuning: SchedulerTuning) {
    this.#tuning = tuning;
  }

  get byId(): ReadonlyMap<HostId, Host> {
    return this.#byId;
  }

  /** When the first isolation or probation ends; Infinity while there is none. */
  get nextReleaseMs(): number {
    let next = NEVER;
    for (const id of this.#watched) next = Math.min(next, this.#byId.get(id)?.strikes.isolation.untilMs ?? NEVER);
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
  join(host: Pick<Host, "id" | "address" | "labels" | "limits">, strikes = new Strikes(this.#tuning)): void {
    const { id } = host;
    this.#away.delete(id);
    this.#byId.set(id, { peers: new Map(), strikes, ...host });
  }

  /** It is gone. One that is isolated or on probation stays known: leaving and coming back must not clear it. */
  leave({ id }: Host): void {
    if (this.#watched.has(id)) this.#away.add(id);
    else this.#byId.delete(id);
  }

  /** Returns until when the host is isolated for it; undefined when it is not. */
  strike(host: Host, strike: Strike): number | undefined {
    if (!host.strikes.add(strike, this.#tuning)) return undefined;
    this.#watched.add(host.id);
    return host.strikes.isolation.untilMs;
  }

  /** Ends an isolation or a probation at once, and forgets the strikes; returns whether there was one. */
  release(id: HostId): boolean {
    const host = this.#byId.get(id);
    if (host === undefined || !this.#watched.has(id)) return false;
    host.strikes.clear();
    this.#forget(id);
    return true;
  }

  /** Moves on all whose time has come. Returns those whose isolation is over: they are on probation now. */
  advance(nowMs: number): readonly HostId[] {
    const released: HostId[] = [];
    for (const id of [...this.#watched]) {
      const strikes = this.#byId.get(id)?.strikes;
      const wasIsolated = strikes?.isolated === true;
      const state = strikes?.isolation.advance(nowMs) ?? "free";
      if (wasIsolated && state !== "isolated") released.push(id);
      if (state === "free") this.#forget(id);
    }
    return released;
  }

  #forget(id: HostId): void {
    this.#watched.delete(id);
    if (this.#away.delete(id)) this.#byId.delete(id);
  }
}
