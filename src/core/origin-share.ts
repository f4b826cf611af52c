// Which part of a content a host reads from the origin when no supernode is left to do it: a pure policy. Hosts do not talk about it. Each
// ranks itself among the neighbours that it knows, for each part anew; where it is first it reads at once, elsewhere it waits for those
// before it as long as there is progress. So neighbours read different parts, tell each other, and the origin is read about once.

import { weigh } from "./homes.ts";
import type { HostId, PieceIndex } from "./ids.ts";

export interface ShareQuestion {
  /** Pieces in all, and whether each is there already. */
  readonly count: number;
  readonly held: { has(piece: PieceIndex): boolean };
  /** Whether the manifest names its digest: any neighbour's word will do. Else it takes two that have read it independently. */
  readonly isSigned: (piece: PieceIndex) => boolean;
  readonly self: HostId;
  readonly neighbours: readonly HostId[];
  readonly chunkPieces: number;
}

export interface Share {
  readonly from: PieceIndex;
  readonly to: PieceIndex;
  /** How many others are to be waited for. */
  readonly behind: number;
}

/** The part that this host is the nearest to read; undefined when nothing is missing. */
export function chooseShare(question: ShareQuestion): Share | undefined {
  const { count, held, chunkPieces } = question;
  let best: Share | undefined;
  for (let start = 0; start < count && best?.behind !== 0; start += chunkPieces) {
    const end = Math.min(count, start + chunkPieces);
    let from = start;
    while (from < end && held.has(from)) from++;
    if (from === end) continue;
    let to = end;
    while (held.has(to - 1)) to--;
    const behind = standing(question, start, from);
    if (best === undefined || behind < best.behind) best = { from, to, behind };
  }
  return best;
}

function standing({ self, neighbours, isSigned }: ShareQuestion, chunk: number, piece: PieceIndex): number {
  const own = weigh(`${chunk}`, self);
  let before = 0;
  for (const other of neighbours) if (weigh(`${chunk}`, other) > own) before++;
  return isSigned(piece) ? before : Math.max(0, before - 1);
}
