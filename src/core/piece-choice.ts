// Which piece to ask for, and which neighbour: pure policies over sets and counts, without memory.

import type { Bitset } from "./bitset.ts";
import type { PieceIndex } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Random } from "./random.ts";

/** A set of pieces within a larger array: 32 a word, least significant bit first. */
export interface PieceRow {
  readonly words: Readonly<Uint32Array>;
  readonly start: number;
  /** In words. */
  readonly length: number;
}

/**
 * The rarest piece that is in both sets within [from, to), ties broken at random; -1 when there is none. Rarest first keeps the pieces
 * of a swarm equally common, so that any two peers have something to exchange (Legout et al., IMC 2006).
 */
export function pickRarest(
  { words: held, start, length }: PieceRow,
  { words: wanted }: Bitset,
  rarity: Uint16Array,
  from: PieceIndex,
  to: PieceIndex,
  salt: number,
): PieceIndex {
  const words = Math.min(length, wanted.length, (to + 31) >>> 5);
  let best = -1;
  let bestKey = Number.POSITIVE_INFINITY;
  for (let at = from >>> 5; at < words; at++) {
    let word = (held[start + at] as number) & (wanted[at] as number);
    while (word !== 0) {
      const low = word & -word;
      word ^= low;
      const piece = (at << 5) + (31 - Math.clz32(low));
      if (piece < from || piece >= to) continue;
      const key = (rarity[piece] as number) * 65536 + (Math.imul(piece ^ salt, 0x9e3779b1) >>> 16);
      if (key < bestKey) {
        bestKey = key;
        best = piece;
      }
    }
  }
  return best;
}

/** Whether somebody holds one of the wanted pieces. */
export function holdsAny(rarity: Uint16Array, wanted: Bitset): boolean {
  const { words } = wanted;
  for (let at = 0; at < words.length; at++) {
    for (let word = words[at] as number; word !== 0; word &= word - 1) {
      if ((rarity[(at << 5) + (31 - Math.clz32(word & -word))] ?? 0) > 0) return true;
    }
  }
  return false;
}

/**
 * The place of one of the first `count` rates, with a chance in proportion to it; 0 stands for one that was never measured and counts as the
 * average, so that newcomers are tried. -1 when there are none.
 */
export function pickByRate(rates: ArrayLike<number>, count: number, random: Random): number {
  if (count < 2) return count - 1;
  let known = 0;
  let sum = 0;
  for (let at = 0; at < count; at++) {
    const rate = rates[at] as number;
    if (rate > 0) {
      known++;
      sum += rate;
    }
  }
  const average = known === 0 ? 1 : sum / known;
  let draw = random.next() * (sum + average * (count - known));
  for (let at = 0; at < count; at++) {
    const rate = rates[at] as number;
    draw -= rate > 0 ? rate : average;
    if (draw < 0) return at;
  }
  return count - 1;
}

/** The neighbour that is worth least: has nothing for us, then slowest. Undefined while all are in use. */
export function leastUseful(neighbours: readonly Neighbour[]): Neighbour | undefined {
  let least: Neighbour | undefined;
  for (const candidate of neighbours) {
    if (candidate.seed || candidate.state !== "up" || candidate.inFlight > 0) continue;
    if (
      least === undefined ||
      Math.sign(candidate.interest) < Math.sign(least.interest) ||
      (Math.sign(candidate.interest) === Math.sign(least.interest) && candidate.rate < least.rate)
    ) {
      least = candidate;
    }
  }
  return least;
}
