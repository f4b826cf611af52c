import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import { Giving } from "./giving.ts";
import { seededRandom } from "./random.ts";

test("each piece is given once before any is given twice", () => {
  const giving = new Giving(seededRandom(1));
  const all = Bitset.of(0, 1, 2, 3, 600);
  const given: number[] = [];
  for (let i = 0; i < 10; i++) {
    const gift = giving.choose(all, all);
    assert.equal(gift?.fresh, i < 5);
    const piece = gift?.piece ?? -1;
    giving.promise(piece);
    giving.kept(piece);
    given.push(piece);
  }
  assert.deepEqual(
    given.slice(0, 5).sort((a, b) => a - b),
    [0, 1, 2, 3, 600],
  );
  assert.deepEqual(
    given.slice(5).sort((a, b) => a - b),
    [0, 1, 2, 3, 600],
  );
});

test("a piece on its way to somebody is chosen for the next only when there is no other", () => {
  const giving = new Giving(seededRandom(1));
  giving.promise(0);
  assert.equal(giving.choose(Bitset.of(0, 1), Bitset.of(0, 1))?.piece, 1);
  assert.deepEqual(giving.choose(Bitset.of(0), Bitset.of(0)), { piece: 0, fresh: false });
});

test("a promise that came to nothing leaves the piece fresh", () => {
  const giving = new Giving(seededRandom(1));
  giving.promise(0);
  assert.equal(giving.isFresh(0), false);
  assert.equal(giving.distinct, 1);
  giving.broken(0);
  assert.equal(giving.distinct, 0);
  giving.broken(0);
  assert.equal(giving.isFresh(0), true);
});

test("what is not held or not wanted is not chosen", () => {
  const giving = new Giving(seededRandom(1));
  assert.equal(giving.choose(Bitset.of(1), Bitset.of(2)), undefined);
});
