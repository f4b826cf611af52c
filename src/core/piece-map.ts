// A picture of what is held: one cell a piece, or a few pieces a cell where there are many, so that it stays small.

import { Bitset } from "./bitset.ts";

export const maxCells = 1024;

/** A cell is set when all of its `stride` pieces are held; the last may stand for fewer. */
export interface PieceMap {
  readonly cells: number;
  readonly stride: number;
  readonly set: Bitset;
}

export function mapPieces(held: Bitset, pieces: number): PieceMap {
  const stride = Math.max(1, Math.ceil(pieces / maxCells));
  if (stride === 1) return { cells: pieces, stride, set: held };
  const cells = Math.ceil(pieces / stride);
  const set = new Bitset(cells);
  for (let cell = 0; cell < cells; cell++) {
    const end = Math.min(pieces, (cell + 1) * stride);
    let piece = cell * stride;
    while (piece < end && held.has(piece)) piece++;
    if (piece === end) set.add(cell);
  }
  return { cells, stride, set };
}
