// What a host gains is told to its neighbours in batches: each `have` wakes a process, and a host with sixteen neighbours would send and
// hear as many for each piece. A neighbour has the more to do the longer the download lasts, so news may wait for a share of its age.
// docs/swarm.md, rule 9.

import type { PieceIndex } from "./ids.ts";

const enoughPieces = 8;
const ageShare = 0.02;
const minDelayMs = 5;
/** More is felt where a piece passes many hosts: 100 ms cost two points of time in a swarm of 1,200 with a weak seed. */
const maxDelayMs = 20;

/** Pieces gained and not told. */
export class News {
  readonly #sinceMs: number;
  #pieces: PieceIndex[] = [];
  #dueMs = Number.POSITIVE_INFINITY;

  /** `sinceMs` is when the listener, or the download, began. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  get count(): number {
    return this.#pieces.length;
  }

  /** Returns by when the news should be told, this one with them. */
  add(piece: PieceIndex, nowMs: number): number {
    if (this.#pieces.length === 0) {
      this.#dueMs = nowMs + Math.min(maxDelayMs, Math.max(minDelayMs, (nowMs - this.#sinceMs) * ageShare));
    }
    if (this.#pieces.push(piece) >= enoughPieces) this.#dueMs = nowMs;
    return this.#dueMs;
  }

  /** Everything, to be told now. */
  take(): PieceIndex[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
