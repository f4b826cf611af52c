// The scheduler's numbers in one place; like the download's they are chosen by simulation, not configured.

export interface SchedulerTuning {
  /** Neighbours that a newcomer is given. */
  readonly introduce: number;
  /** Above this a peer is not given to others any more. */
  readonly maxNeighbours: number;
  /** Of the neighbours given, at least this share is drawn from everywhere; the rest may be near. */
  readonly farShare: number;
  /** Strikes within `strikeWindowMs` that isolate a host, and for how long the first time; each further time twice as long. */
  readonly isolateAfterStrikes: number;
  readonly strikeWindowMs: number;
  readonly isolateMs: number;
  readonly maxIsolateMs: number;
  /** How long a task nobody holds or asks for is remembered. */
  readonly forgetTaskMs: number;
}

export const schedulerTuning: SchedulerTuning = {
  introduce: 6,
  maxNeighbours: 16,
  farShare: 0.25,
  isolateAfterStrikes: 3,
  strikeWindowMs: 60_000,
  isolateMs: 30_000,
  maxIsolateMs: 3_600_000,
  forgetTaskMs: 600_000,
};
