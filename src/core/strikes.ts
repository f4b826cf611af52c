// The proven faults of one host, and the isolation that follows from enough of them within a while.

import type { HostId, PieceIndex, VersionId } from "./ids.ts";
import { Isolation } from "./isolation.ts";
import { type SchedulerTuning, schedulerTuning } from "./scheduler-tuning.ts";

export type StrikeReason = "corrupt" | "stalled" | "lied" | "slow" | "operator";

export interface Strike {
  readonly reason: StrikeReason;
  readonly atMs: number;
  /** Who saw it; undefined for the operator. */
  readonly by: HostId | undefined;
  readonly version: VersionId | undefined;
  readonly piece?: PieceIndex | undefined;
}

export class Strikes {
  /** The evidence, newest last; bounded. */
  readonly list: Strike[] = [];
  readonly isolation: Isolation;

  constructor(tuning: SchedulerTuning = schedulerTuning) {
    this.isolation = new Isolation(tuning.isolation);
  }

  get isolated(): boolean {
    return this.isolation.state === "isolated";
  }

  get isolatedUntilMs(): number | undefined {
    return this.isolated ? this.isolation.untilMs : undefined;
  }

  get onProbation(): boolean {
    return this.isolation.state === "probation";
  }

  /**
   * Counts a fault; returns whether the host is to be isolated for it. A single accuser cannot isolate a host by itself: as a liar it would
   * empty the swarm.
   */
  add(strike: Strike, tuning: SchedulerTuning): boolean {
    this.list.push(strike);
    if (this.list.length > 32) this.list.shift();
    if (strike.reason === "operator") {
      if (this.isolated) return false;
      this.isolation.isolate(strike.atMs);
      return true;
    }
    const recent = this.list.filter(({ atMs }) => strike.atMs - atMs <= tuning.isolation.windowMs);
    return this.isolation.fault(strike.atMs, new Set(recent.map(({ by }) => by)).size >= 2);
  }

  /** Somebody who knows better says that it is well. */
  clear(): void {
    this.isolation.clear();
    this.list.length = 0;
  }
}
