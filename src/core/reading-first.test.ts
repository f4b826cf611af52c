import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import { Pieces } from "./pieces.ts";
import { ReadingFirst } from "./reading-first.ts";

/** 100 pieces, of which the manifest names the first ten. */
function stage(): { readonly pieces: Pieces; readonly ahead: ReadingFirst } {
  const pieces = new Pieces(10_000, 100, new Bitset());
  pieces.know(0, 10);
  return { pieces, ahead: new ReadingFirst() };
}

test("who reads from the front asks for nothing: that is what the seed reads", () => {
  const { pieces, ahead } = stage();
  const fresh = new Pieces(10_000, 100, new Bitset());
  for (const piece of [0, 9, 10]) {
    pieces.readAt(piece);
    assert.equal(ahead.next(pieces, 8), undefined, `at ${piece}`);
  }
  fresh.readAt(0);
  assert.equal(ahead.next(fresh, 8), undefined, "with nothing known yet");
});

test("who reads elsewhere asks once for what he needs next, and again when he has come so far", () => {
  const { pieces, ahead } = stage();
  pieces.readAt(50);
  assert.deepEqual(ahead.next(pieces, 8), { from: 50, to: 58 });
  assert.equal(ahead.next(pieces, 8), undefined);
  pieces.readAt(53);
  assert.equal(ahead.next(pieces, 8), undefined, "it is asked for already");
  pieces.know(50, 58);
  for (let piece = 50; piece < 58; piece++) pieces.keep(piece);
  pieces.readAt(58);
  assert.deepEqual(ahead.next(pieces, 8), { from: 58, to: 66 });
  ahead.clear();
  pieces.readAt(60);
  assert.deepEqual(ahead.next(pieces, 8), { from: 60, to: 68 }, "a new seed has not heard of it");
});

test("no more is asked for than is read, than there is, or than is known of", () => {
  const { pieces, ahead } = stage();
  pieces.readAt(50, 51);
  assert.deepEqual(ahead.next(pieces, 8), { from: 50, to: 52 });
  pieces.readAt(97);
  assert.deepEqual(ahead.next(pieces, 8), { from: 97, to: 100 });
  pieces.readAt(undefined);
  assert.equal(ahead.next(pieces, 8), undefined);
  const endless = new Pieces(null, 100, new Bitset());
  endless.readAt(50);
  assert.equal(ahead.next(endless, 8), undefined, "one stream has no parts");
  pieces.seal(10_000);
  pieces.readAt(70);
  assert.equal(ahead.next(pieces, 8), undefined, "everything is read");
});
