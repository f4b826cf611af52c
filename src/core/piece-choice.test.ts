import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "./bitset.ts";
import type { HostId } from "./ids.ts";
import { Neighbour } from "./neighbour.ts";
import { NeighbourTable } from "./neighbour-table.ts";
import { holdsAny, leastUseful, pickByRate, pickRarest } from "./piece-choice.ts";
import { seededRandom } from "./random.ts";

const table = new NeighbourTable(32);

function neighbour(id: string, rate = 0, interest = 1): Neighbour {
  const made = new Neighbour(id as HostId, false, table);
  made.up();
  table.setRate(made.row, rate);
  table.addInterest(made.row, interest);
  return made;
}

test("the rarest piece is one that is held, wanted, in range, and no rarer one is", () => {
  const pieces = fc.uniqueArray(fc.nat(199), { maxLength: 80 });
  const counts = fc.array(fc.nat(5), { minLength: 200, maxLength: 200 });
  fc.assert(
    fc.property(pieces, pieces, counts, fc.nat(199), fc.nat(0x7ffffffe), (held, wanted, rarity, from, salt) => {
      const counted = Uint16Array.from(rarity);
      const piece = pickRarest(Bitset.of(...held).row, Bitset.of(...wanted), counted, from, 200, salt);
      const able = held.filter((one) => wanted.includes(one) && one >= from);
      if (able.length === 0) return assert.equal(piece, -1);
      assert.ok(able.includes(piece));
      assert.equal(rarity[piece], Math.min(...able.map((one) => rarity[one] ?? 0)));
    }),
  );
});

test("ties are broken at random: every equally rare piece has its turn", () => {
  const random = seededRandom(1);
  const all = Bitset.of(...Array.from({ length: 100 }, (_, piece) => piece));
  const seen = new Set<number>();
  for (let i = 0; i < 2000; i++) {
    seen.add(pickRarest(all.row, all, new Uint16Array(100), 0, 100, random.integer(0x7fffffff)));
  }
  assert.ok(seen.size > 90, `${seen.size} of 100`);
});

test("a neighbour is drawn in proportion to its rate, and one never measured counts as the average", () => {
  const random = seededRandom(2);
  const drawn = [0, 0, 0];
  for (let i = 0; i < 6000; i++) {
    const at = pickByRate([100, 300, 0], 3, random);
    drawn[at] = (drawn[at] ?? 0) + 1;
  }
  for (const [at, expected] of [1000, 3000, 2000].entries()) {
    assert.ok(Math.abs((drawn[at] ?? 0) - expected) < 200, `${drawn}`);
  }
  assert.equal(pickByRate([], 0, random), -1);
  assert.equal(pickByRate([7, 7], 1, random), 0);
});

test("worth least is who has nothing for us, then who is slowest, never who is in use", () => {
  const nothing = neighbour("nothing", 900, 0);
  const slow = neighbour("slow", 10, 5);
  const used = neighbour("used", 1, 0);
  used.asked();
  assert.equal(leastUseful([slow, nothing, used]), nothing);
  assert.equal(leastUseful([slow, used]), slow);
  assert.equal(leastUseful([used]), undefined);
});

test("whether anybody holds something wanted", () => {
  assert.equal(holdsAny(Uint16Array.of(0, 2), Bitset.of(0)), false);
  assert.equal(holdsAny(Uint16Array.of(0, 2), Bitset.of(0, 1)), true);
  assert.equal(holdsAny(Uint16Array.of(0, 2), Bitset.of(7)), false);
});
