// Which piece to ask for, and which neighbour: pure policies over sets and counts, without memory.

import type { Bitset } from "./bitset.ts";
import type { PieceIndex } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Random } from "./random.ts";

/**
 * The rarest piece that is in both sets within [from, to), ties broken at random; -1 when there is none. Rarest first keeps the pieces
 * of a swarm equally common, so that any two peers have something to exchange (Legout et al., IMC 2006).
 */
export function pickRarest(
  held: Bitset,
  wanted: Bitset,
  rarity: Uint16Array,
  from: PieceIndex,
  to: PieceIndex,
  salt: number,
): PieceIndex {
  const a = held.words;
  const b = wanted.words;
  const words = Math.min(a.length, b.length, (to + 31) >>> 5);
  let best = -1;
  let bestKey = Number.POSITIVE_INFINITY;
  for (let at = from >>> 5; at < words; at++) {
    let word = (a[at] as number) & (b[at] as number);
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
  for (const piece of wanted) if ((rarity[piece] ?? 0) > 0) return true;
  return false;
}

/**
 * One of the candidates, with a chance in proportion to its measured rate; one that was never measured counts as the average, so that
 * newcomers are tried. Undefined when there are none.
 */
export function pickByRate(candidates: readonly Neighbour[], random: Random): Neighbour | undefined {
  if (candidates.length < 2) return candidates[0];
  let known = 0;
  let sum = 0;
  for (const { rate } of candidates) {
    if (rate > 0) {
      known++;
      sum += rate;
    }
  }
  const average = known === 0 ? 1 : sum / known;
  let draw = random.next() * (sum + average * (candidates.length - known));
  for (const candidate of candidates) {
    draw -= candidate.rate > 0 ? candidate.rate : average;
    if (draw < 0) return candidate;
  }
  return candidates[candidates.length - 1];
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
