// When a download asks for more neighbours: often while some are missing, now and then for a fresh one in place of the least useful.

import type { DownloadTuning } from "./download-tuning.ts";
import type { HostId } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";
import { leastUseful } from "./piece-choice.ts";

/** So many fresh neighbours; `least` may be dropped for one of them. */
export interface Swap {
  readonly count: number;
  readonly least: HostId | undefined;
}

export class Swapping {
  readonly #tuning: DownloadTuning;
  #dueMs = Number.POSITIVE_INFINITY;
  #swappedAtMs = Number.NEGATIVE_INFINITY;
  #wereFew = false;
  #smallSwarm = false;

  constructor(tuning: DownloadTuning) {
    this.#tuning = tuning;
  }

  /** When to look again; Infinity before the first neighbour. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Neighbours are few though more were asked for: there are no others. */
  get smallSwarm(): boolean {
    return this.#smallSwarm;
  }

  /** A neighbour came. */
  begin(nowMs: number): void {
    if (this.#dueMs === Number.POSITIVE_INFINITY) this.#dueMs = nowMs + this.#tuning.fillEveryMs;
  }

  /** What to ask for now; undefined for nothing. */
  next(neighbours: readonly Neighbour[], nowMs: number): Swap | undefined {
    const peers = neighbours.filter((neighbour) => !neighbour.seed);
    const missing = this.#tuning.neighbours - peers.length;
    this.#dueMs = nowMs + this.#tuning.fillEveryMs;
    const few = peers.length <= this.#tuning.fewNeighbours;
    this.#smallSwarm = few && this.#wereFew;
    this.#wereFew = few;
    if (missing > 0) return { count: missing, least: undefined };
    if (nowMs < this.#swappedAtMs + this.#tuning.swapEveryMs) return undefined;
    this.#swappedAtMs = nowMs;
    const least = leastUseful(peers);
    return least === undefined ? undefined : { count: 1, least: least.id };
  }
}
