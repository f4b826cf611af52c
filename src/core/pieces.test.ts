import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import { Pieces } from "./pieces.ts";

test("a piece is open from when it is known until it is held, unless it is on disk already", () => {
  const pieces = new Pieces(null, 100, Bitset.of(1));
  pieces.know(0, 3);
  assert.deepEqual([...pieces.open], [0, 2]);
  assert.ok(pieces.keep(2));
  assert.ok(!pieces.keep(2));
  pieces.reopen(2);
  assert.deepEqual([...pieces.open], [0]);
});

test("it is complete when the manifest is whole and all is held, not before", () => {
  const pieces = new Pieces(null, 100, Bitset.of(0, 1));
  assert.ok(!pieces.complete);
  pieces.seal(201);
  assert.deepEqual([pieces.count, pieces.complete, pieces.bytesOf(2)], [3, false, 1]);
  pieces.keep(2);
  assert.ok(pieces.complete);
});

test("a reader wants what is open from the first missing on, and anything where nothing is open there", () => {
  const pieces = new Pieces(1000, 100, Bitset.of(3, 4));
  pieces.know(0, 10);
  pieces.readAt(3);
  assert.equal(pieces.windowStart(), 5);
  assert.deepEqual([...pieces.wanted(2)], [5, 6]);
  pieces.open.delete(5);
  pieces.open.delete(6);
  assert.deepEqual([...pieces.wanted(2)], [0, 1, 2, 7, 8, 9]);
  pieces.readAt(undefined);
  assert.equal(pieces.windowStart(), undefined);
});
