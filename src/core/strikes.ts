// The proven faults of one host, and the isolation that follows from enough of them within a while.

import type { HostId, VersionId } from "./ids.ts";
import type { SchedulerTuning } from "./scheduler-tuning.ts";

export type StrikeReason = "corrupt" | "stalled" | "lied" | "operator";

export interface Strike {
  readonly reason: StrikeReason;
  readonly atMs: number;
  /** Who saw it; undefined for the operator. */
  readonly by: HostId | undefined;
  readonly version: VersionId | undefined;
}

export class Strikes {
  /** The evidence, newest last; bounded. */
  readonly list: Strike[] = [];
  isolatedUntilMs: number | undefined;
  #isolations = 0;

  get isolated(): boolean {
    return this.isolatedUntilMs !== undefined;
  }

  /**
   * Counts a fault; returns whether the host is to be isolated for it. A single accuser cannot isolate a host by itself: as a liar it would
   * empty the swarm.
   */
  add(strike: Strike, tuning: SchedulerTuning): boolean {
    this.list.push(strike);
    if (this.list.length > 32) this.list.shift();
    if (this.isolated) return false;
    if (strike.reason === "operator") return this.#isolate(strike.atMs, tuning);
    const recent = this.list.filter((other) => strike.atMs - other.atMs <= tuning.strikeWindowMs);
    const accusers = new Set(recent.map((other) => other.by));
    if (recent.length < tuning.isolateAfterStrikes || accusers.size < 2) return false;
    return this.#isolate(strike.atMs, tuning);
  }

  release(): void {
    this.isolatedUntilMs = undefined;
    this.list.length = 0;
  }

  #isolate(nowMs: number, tuning: SchedulerTuning): boolean {
    this.isolatedUntilMs = nowMs + Math.min(tuning.maxIsolateMs, tuning.isolateMs * 2 ** this.#isolations);
    this.#isolations++;
    return true;
  }
}
