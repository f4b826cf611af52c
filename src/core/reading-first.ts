// What a seed is asked to read out of turn: where somebody reads from a place that the manifest does not reach yet. A seed reads from the
// front, and who reads in order from there waits for what is on its way anyway.

import { Bitset } from "./bitset.ts";
import type { PieceIndex } from "./ids.ts";
import type { Pieces } from "./pieces.ts";

export class ReadingFirst {
  readonly #asked = new Bitset();

  /** What to ask for now that the reader is where it is, `most` pieces at a time; undefined for nothing. Each piece is asked for once. */
  next(pieces: Pieces, most: number): { readonly from: PieceIndex; readonly to: PieceIndex } | undefined {
    const window = pieces.window(most);
    if (window === undefined || pieces.length === null || pieces.sealed) return undefined;
    const { from } = window;
    const to = Math.min(window.to, pieces.count);
    if (from >= to || pieces.isKnown(from) || this.#asked.has(from)) return undefined;
    // What comes after something that is there is the seed's next anyway, unless it was led there.
    const before = from - 1;
    const isLed = this.#asked.has(before);
    if (from === 0 || (!isLed && (pieces.isKnown(before) || pieces.held.has(before)))) return undefined;
    this.#asked.addRange(from, to);
    return { from, to };
  }

  /** Whoever is the seed now has not heard of it. */
  clear(): void {
    this.#asked.clear();
  }
}
