// In which parts a content is read: runs of pieces that are not held yet, in file order so that the front comes first, but for what somebody
// waits for elsewhere; small enough that the connections end together. No piece is in two of them. Pure.

import { Bitset } from "../core/bitset.ts";
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

/** Places in the content that are waited for at once; for any more the usual order is as good. */
const maxFirst = 64;

export class PartPlan {
  readonly #options: PartPlanOptions;
  readonly #count: number;
  /** In parts that were given out. */
  readonly #taken = new Bitset();
  /** What comes before all else. */
  readonly #first: { from: number; readonly to: number }[] = [];
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

  /** The pieces [from, to) are the next to be given out. Returns whether there is a need: not where the first of them is held or given out. */
  readFirst(from: number, to: number): boolean {
    if (from >= Math.min(to, this.#count) || !this.#isFree(from) || this.#first.length >= maxFirst) return false;
    if (!this.#first.some((other) => other.from === from)) this.#first.push({ from, to: Math.min(to, this.#count) });
    return true;
  }

  /** The next part of what was asked for ahead. */
  nextFirst(): Part | undefined {
    for (let [ahead] = this.#first; ahead !== undefined; [ahead] = this.#first) {
      const part = this.#run(ahead.from, ahead.to);
      if (part !== undefined) {
        ahead.from = countPieces(part.end, this.#options.pieceLength);
        return part;
      }
      this.#first.shift();
    }
    return undefined;
  }

  /** Whether there is a next part. */
  get hasNext(): boolean {
    if (this.#first.some(({ from, to }) => this.#firstFree(from, to) < to)) return true;
    this.#next = this.#firstFree(this.#next, this.#count);
    return this.#next < this.#count;
  }

  /** The next part, of so many bytes at the most, but a piece at the least. */
  next(mostBytes?: number): Part | undefined {
    const ahead = this.nextFirst();
    if (ahead !== undefined) return ahead;
    const part = this.#run(this.#next, this.#count, mostBytes);
    this.#next = part === undefined ? this.#count : countPieces(part.end, this.#options.pieceLength);
    return part;
  }

  /** The first run of free pieces in [from, to), not longer than a part may be. */
  #run(from: number, to: number, mostBytes = Number.POSITIVE_INFINITY): (Part & { readonly end: number }) | undefined {
    const first = this.#firstFree(from, to);
    if (first >= to) return undefined;
    const most =
      first + Math.max(1, Math.floor(Math.min(mostBytes, this.#partBytes(first)) / this.#options.pieceLength));
    let end = first + 1;
    while (end < to && end < most && this.#isFree(end)) end++;
    return this.#part(first, end);
  }

  /** In [from, to); `to` where none is. */
  #firstFree(from: number, to: number): number {
    let first = from;
    while (first < to && !this.#isFree(first)) first++;
    return first;
  }

  #isFree(piece: number): boolean {
    return !this.#options.held.has(piece) && !this.#taken.has(piece);
  }

  #partBytes(first: number): number {
    const { length, pieceLength, connections, minPartBytes, maxPartBytes } = this.#options;
    const share = (length - first * pieceLength) / (2 * connections);
    return Math.min(maxPartBytes, Math.max(minPartBytes, share));
  }

  #part(first: number, end: number): Part & { readonly end: number } {
    const { length, pieceLength } = this.#options;
    this.#taken.addRange(first, end);
    const start = first * pieceLength;
    return { start, end: Math.min(length, end * pieceLength), at: start };
  }
}
