// What is looked at most of a download's neighbours, as rows of two typed arrays: when may it be asked, how fast is it, what does it
// hold. Ten thousand downloads in one process run at the speed of memory, and an object for each neighbour would lie anywhere.

import type { PieceIndex } from "./ids.ts";
import type { PieceRow } from "./piece-choice.ts";

const firstRows = 8;
const columns = 4;
const freeAt = 0;
const rate = 1;
const interest = 2;
const inFlight = 3;

export class NeighbourTable {
  #numbers = new Float64Array(firstRows * columns);
  #held: Uint32Array<ArrayBuffer>;
  /** Of a row of what is held. */
  #words: number;
  #count = 0;

  /** `pieces` is how many there may be, as far as is known. */
  constructor(pieces: number) {
    this.#words = (pieces + 31) >>> 5;
    this.#held = new Uint32Array(firstRows * this.#words);
  }

  /** Rows are 0 to here, in the order in which they were added. */
  get count(): number {
    return this.#count;
  }

  /** Not to be asked before this time. */
  freeAtMs(row: number): number {
    return this.#numbers[row * columns + freeAt] as number;
  }

  setFreeAtMs(row: number, ms: number): void {
    this.#numbers[row * columns + freeAt] = ms;
  }

  /** Bytes a second. */
  rate(row: number): number {
    return this.#numbers[row * columns + rate] as number;
  }

  setRate(row: number, bytesPerSecond: number): void {
    this.#numbers[row * columns + rate] = bytesPerSecond;
  }

  /** Pieces it holds and the download lacks. */
  interest(row: number): number {
    return this.#numbers[row * columns + interest] as number;
  }

  addInterest(row: number, pieces: number): void {
    const at = row * columns + interest;
    this.#numbers[at] = (this.#numbers[at] as number) + pieces;
  }

  /** Requests that are not answered. */
  inFlight(row: number): number {
    return this.#numbers[row * columns + inFlight] as number;
  }

  addInFlight(row: number, requests: number): void {
    const at = row * columns + inFlight;
    this.#numbers[at] = (this.#numbers[at] as number) + requests;
  }

  holds(row: number, piece: PieceIndex): boolean {
    const word = piece >>> 5;
    return word < this.#words && ((this.#held[row * this.#words + word] as number) & (1 << (piece & 31))) !== 0;
  }

  /** Returns whether it was not noted before. */
  note(row: number, piece: PieceIndex): boolean {
    if (piece >>> 5 >= this.#words) this.#widen(Math.max((piece >>> 5) + 1, this.#words * 2));
    const at = row * this.#words + (piece >>> 5);
    const before = this.#held[at] as number;
    const after = before | (1 << (piece & 31));
    this.#held[at] = after;
    return before !== after >>> 0;
  }

  /** Returns whether it was noted. */
  forget(row: number, piece: PieceIndex): boolean {
    if (!this.holds(row, piece)) return false;
    const at = row * this.#words + (piece >>> 5);
    this.#held[at] = (this.#held[at] as number) & ~(1 << (piece & 31));
    return true;
  }

  /** What it holds. The same object each time: it is true until the next call. */
  held(row: number): PieceRow {
    shared.words = this.#held;
    shared.start = row * this.#words;
    shared.length = this.#words;
    return shared;
  }

  forgetAll(row: number): void {
    this.#held.fill(0, row * this.#words, (row + 1) * this.#words);
    this.#numbers[row * columns + interest] = 0;
  }

  /** Returns the new row. */
  add(): number {
    const row = this.#count++;
    if (row * columns === this.#numbers.length) {
      this.#numbers = resized(new Float64Array(row * 2 * columns), this.#numbers);
      this.#held = resized(new Uint32Array(row * 2 * this.#words), this.#held);
    }
    return row;
  }

  /** The rows after it move down by one. */
  remove(row: number): void {
    this.#numbers.copyWithin(row * columns, (row + 1) * columns, this.#count * columns);
    this.#held.copyWithin(row * this.#words, (row + 1) * this.#words, this.#count * this.#words);
    this.#count--;
    this.#numbers.fill(0, this.#count * columns, (this.#count + 1) * columns);
    this.forgetAll(this.#count);
  }

  #widen(words: number): void {
    const before = this.#words;
    const wider = new Uint32Array((this.#numbers.length / columns) * words);
    for (let row = 0; row < this.#count; row++) {
      wider.set(this.#held.subarray(row * before, (row + 1) * before), row * words);
    }
    this.#held = wider;
    this.#words = words;
  }
}

const shared = { words: new Uint32Array(), start: 0, length: 0 };

function resized<T extends Float64Array | Uint32Array>(into: T, from: T): T {
  into.set(from);
  return into;
}
