// How the pieces of one version leave a host: which are on their way, how often each was given, and what a seed gives to someone who takes
// any piece. Two rules live here. One copy at a time: while a piece is on its way to one neighbour the next asker is told busy, for soon
// there will be two to ask; a line of copies of one new piece would hold up the line's end and leave the other uplinks idle. Least given
// first: with a seed no faster than its peers, every byte it sends should be one that the swarm lacks (super-seeding).

import { Bitset } from "./bitset.ts";
import type { PieceIndex } from "./ids.ts";
import { pickRarest } from "./piece-choice.ts";
import type { Random } from "./random.ts";

/** `fresh`: it was never given before. */
export interface Gift {
  readonly piece: PieceIndex;
  readonly fresh: boolean;
}

export class Giving {
  readonly #random: Random;
  readonly #promised = new Bitset();
  #given = new Uint16Array(512);

  constructor(random: Random) {
    this.#random = random;
  }

  /** Whether a copy is waiting or on its way, so that another asker is better told busy. */
  isPromised(piece: PieceIndex): boolean {
    return this.#promised.has(piece);
  }

  /** Whether it was never given. */
  isFresh(piece: PieceIndex): boolean {
    return (this.#given[piece] ?? 0) === 0;
  }

  /**
   * Of the held pieces that are wanted and not promised the one given least, ties at random; undefined when there is none. Nothing is
   * promised by it.
   */
  choose(wanted: Bitset, held: Bitset): Gift | undefined {
    const able = held.copy();
    able.deleteAll(this.#promised);
    this.#cover(held.words.length * 32);
    const salt = this.#random.integer(0x7fffffff);
    const piece = pickRarest(able, wanted, this.#given, 0, this.#given.length, salt);
    return piece < 0 ? undefined : { piece, fresh: this.isFresh(piece) };
  }

  /** It was admitted to the queue; `kept` or `broken` follows. */
  promise(piece: PieceIndex): void {
    this.#promised.add(piece);
    this.#cover(piece + 1);
    const given = this.#given[piece] ?? 0;
    if (given < 0xffff) this.#given[piece] = given + 1;
  }

  /** The receiver has all of it. */
  kept(piece: PieceIndex): void {
    this.#promised.delete(piece);
  }

  /** Cancelled, or the link is gone. */
  broken(piece: PieceIndex): void {
    if (!this.#promised.delete(piece)) return;
    this.#given[piece] = Math.max(0, (this.#given[piece] ?? 0) - 1);
  }

  #cover(pieces: number): void {
    if (pieces <= this.#given.length) return;
    const grown = new Uint16Array(Math.max(pieces, this.#given.length * 2));
    grown.set(this.#given);
    this.#given = grown;
  }
}
