// How a seed gives the pieces of one version to those who take any: the one given least first (super-seeding: with a seed no faster than
// its peers, every byte it sends should be one that the swarm lacks), and rather none that is on its way to somebody else, for soon there
// will be two to ask. The order in which what is given leaves, and how much of it, is the upload queue's.

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
  #distinct = 0;
  /** Pieces whose way to somebody has ended once: they arrived, or were called off, mostly since they had come from elsewhere. */
  readonly settled = new Bitset();

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many pieces were given or are on their way, each counted once. */
  get distinct(): number {
    return this.#distinct;
  }

  /** Whether it was never given. */
  isFresh(piece: PieceIndex): boolean {
    return (this.#given[piece] ?? 0) === 0;
  }

  /**
   * Of the held pieces that are wanted the one given least, ties at random; one that is on its way to somebody only when there is no other.
   * Undefined when none of the wanted is held. Nothing is promised by it.
   */
  choose(wanted: Bitset, held: Bitset): Gift | undefined {
    this.#cover(held.words.length * 32);
    const idle = held.copy();
    idle.deleteAll(this.#promised);
    const salt = this.#random.integer(0x7fffffff);
    const end = this.#given.length;
    let piece = pickRarest(idle.row, wanted, this.#given, 0, end, salt);
    if (piece < 0) piece = pickRarest(held.row, wanted, this.#given, 0, end, salt);
    return piece < 0 ? undefined : { piece, fresh: this.isFresh(piece) };
  }

  /** It was admitted to the queue; `kept` or `broken` follows. */
  promise(piece: PieceIndex): void {
    this.#promised.add(piece);
    this.#cover(piece + 1);
    const given = this.#given[piece] ?? 0;
    if (given === 0) this.#distinct++;
    if (given < 0xffff) this.#given[piece] = given + 1;
  }

  /** The receiver has all of it. */
  kept(piece: PieceIndex): void {
    this.settled.add(piece);
    this.#promised.delete(piece);
  }

  /** Cancelled, or the link is gone. */
  broken(piece: PieceIndex): void {
    if (!this.#promised.delete(piece)) return;
    this.settled.add(piece);
    const given = this.#given[piece] ?? 0;
    if (given === 0) return;
    if (given === 1) this.#distinct--;
    this.#given[piece] = given - 1;
  }

  #cover(pieces: number): void {
    if (pieces <= this.#given.length) return;
    const grown = new Uint16Array(Math.max(pieces, this.#given.length * 2));
    grown.set(this.#given);
    this.#given = grown;
  }
}
