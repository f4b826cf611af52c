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

test("what lies behind a reader's last piece is not more wanted than the rest", () => {
  const pieces = new Pieces(1000, 100, new Bitset());
  pieces.know(0, 10);
  pieces.readAt(3, 4);
  assert.deepEqual([...pieces.wanted(96, false)], [3, 4]);
  pieces.keep(3);
  pieces.keep(4);
  assert.equal(pieces.window(96), undefined);
  assert.deepEqual([...pieces.wanted(96, true)], [0, 1, 2, 5, 6, 7, 8, 9]);
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
  assert.deepEqual(pieces.window(2), { from: 5, to: 7 });
  assert.deepEqual([...pieces.wanted(2, false)], [5, 6]);
  assert.deepEqual([...pieces.wanted(2, true)], [5], "the first alone");
  pieces.open.delete(5);
  pieces.open.delete(6);
  assert.deepEqual([...pieces.wanted(2, false)], [0, 1, 2, 7, 8, 9]);
  assert.deepEqual([...pieces.wanted(4, true)], [7], "the first that is open");
  pieces.readAt(undefined);
  assert.equal(pieces.window(2), undefined);
});
