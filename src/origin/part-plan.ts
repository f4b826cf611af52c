// In which parts a content is read: runs of pieces that are not held yet, in file order so that the front comes first, small enough that
// the connections end together. Pure.

import type { Bitset } from "../core/bitset.ts";
import { countPieces } from "../core/version.ts";

/** A run of bytes that one connection after another reads: [start, end), done up to `at`. */
export interface Part {
  readonly start: number;
  /** Null: to the content's end, wherever that is. */
  readonly end: number | null;
  at: number;
}

export interface PartPlanOptions {
  readonly length: number;
  readonly pieceLength: number;
  /** Looked at when a part is planned; may grow meanwhile. */
  readonly held: Bitset;
  readonly connections: number;
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
}

export class PartPlan {
  readonly #options: PartPlanOptions;
  readonly #count: number;
  #next = 0;

  constructor(options: PartPlanOptions) {
    this.#options = options;
    this.#count = countPieces(options.length, options.pieceLength);
  }

  /** The part that a body with the content's first bytes begins: to its last piece that is wanted; undefined when none is. */
  front(bodyBytes: number): Part | undefined {
    const { held, pieceLength } = this.#options;
    let end = Math.min(this.#count, countPieces(bodyBytes, pieceLength));
    this.#next = end;
    while (end > 0 && held.has(end - 1)) end--;
    return end === 0 ? undefined : this.#part(0, end);
  }

  /** The next part, of so many bytes at the most, but a piece at the least. */
  next(mostBytes = Number.POSITIVE_INFINITY): Part | undefined {
    const { held, pieceLength } = this.#options;
    while (this.#next < this.#count && held.has(this.#next)) this.#next++;
    const first = this.#next;
    if (first >= this.#count) return undefined;
    const most = first + Math.max(1, Math.floor(Math.min(mostBytes, this.#partBytes(first)) / pieceLength));
    let end = first + 1;
    while (end < this.#count && end < most && !held.has(end)) end++;
    this.#next = end;
    return this.#part(first, end);
  }

  #partBytes(first: number): number {
    const { length, pieceLength, connections, minPartBytes, maxPartBytes } = this.#options;
    const share = (length - first * pieceLength) / (2 * connections);
    return Math.min(maxPartBytes, Math.max(minPartBytes, share));
  }

  #part(first: number, end: number): Part {
    const { length, pieceLength } = this.#options;
    const start = first * pieceLength;
    return { start, end: Math.min(length, end * pieceLength), at: start };
  }
}
