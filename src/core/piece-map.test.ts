import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import { mapPieces, maxCells } from "./piece-map.ts";

test("few pieces have a cell each", () => {
  const { cells, stride, set } = mapPieces(Bitset.of(0, 2), 3);
  assert.deepEqual([cells, stride, ...set], [3, 1, 0, 2]);
});

test("of many pieces a cell is set when all of its own are held, the last one's fewer too", () => {
  const pieces = maxCells * 2 + 1;
  const held = new Bitset();
  held.addRange(0, 5);
  held.add(pieces - 1);
  const { cells, stride, set } = mapPieces(held, pieces);
  assert.deepEqual([cells, stride, ...set], [683, 3, 0]);
  held.addRange(pieces - 3, pieces);
  assert.deepEqual([...mapPieces(held, pieces).set], [0, 682]);
});
