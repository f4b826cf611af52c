// The scheduler's numbers in one place; like the download's they are chosen by simulation, not configured.

import type { IsolationTuning } from "./isolation.ts";

export interface SchedulerTuning {
  /** Neighbours that a newcomer is given. */
  readonly introduce: number;
  /** Above this a peer is not given to others any more. */
  readonly maxNeighbours: number;
  /** Of the neighbours given, at least this share is drawn from everywhere; the rest may be near. */
  readonly farShare: number;
  readonly isolation: IsolationTuning;
  /** Neighbours of a host on probation: few, so that little is asked of it. */
  readonly probationNeighbours: number;
  /** How long a task nobody holds or asks for is remembered. */
  readonly forgetTaskMs: number;
}

export const schedulerTuning: SchedulerTuning = {
  introduce: 6,
  maxNeighbours: 16,
  farShare: 0.25,
  isolation: { afterFaults: 3, windowMs: 60_000, firstMs: 30_000, maxMs: 3_600_000, probationMs: 60_000 },
  probationNeighbours: 2,
  forgetTaskMs: 600_000,
};
