// The SHA-256 digests of a version's pieces in one growing block of memory: ten thousand versions of objects would cost ten times as much.

import { Bitset } from "../core/bitset.ts";
import type { PieceIndex } from "../core/ids.ts";

export const digestBytes = 32;

export class DigestTable {
  readonly #known = new Bitset();
  #block: Uint8Array;

  constructor(pieces = 0) {
    this.#block = new Uint8Array(pieces * digestBytes);
  }

  /** A copy. */
  get(index: PieceIndex): Uint8Array | undefined {
    if (!this.#known.has(index)) return undefined;
    return this.#block.slice(index * digestBytes, (index + 1) * digestBytes);
  }

  set(index: PieceIndex, digest: Uint8Array): void {
    const end = (index + 1) * digestBytes;
    if (end > this.#block.length) {
      const grown = new Uint8Array(Math.max(end, this.#block.length * 2));
      grown.set(this.#block);
      this.#block = grown;
    }
    this.#block.set(digest, index * digestBytes);
    this.#known.add(index);
  }
}
