import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import type { HostId } from "./ids.ts";
import { chooseShare } from "./origin-share.ts";

const hosts = (count: number): HostId[] =>
  Array.from({ length: count }, (_, nth) => nth.toString(16).padStart(32, "0") as HostId);

/** How often each piece is read when all hosts know each other and nobody has to wait. */
function readers(count: number, pieces: number, signed: boolean): number[] {
  const all = hosts(count);
  const read = new Array<number>(pieces).fill(0);
  for (const self of all) {
    const held = new Bitset();
    const neighbours = all.filter((other) => other !== self);
    const question = { count: pieces, held, isSigned: () => signed, self, neighbours, chunkPieces: 8 };
    for (let share = chooseShare(question); share !== undefined && share.behind === 0; share = chooseShare(question)) {
      for (let piece = share.from; piece < share.to; piece++) read[piece] = (read[piece] ?? 0) + 1;
      held.addRange(share.from, share.to);
    }
  }
  return read;
}

test("among hosts that know each other one reads each part, and two where nobody signed it", () => {
  for (const count of [2, 3, 12]) {
    assert.deepEqual([...new Set(readers(count, 400, true))], [1], `${count} hosts`);
    assert.deepEqual([...new Set(readers(count, 400, false))], [2], `${count} hosts`);
  }
});

test("a host alone reads all of it, in order", () => {
  assert.deepEqual([...new Set(readers(1, 20, false))], [1]);
  const [self] = hosts(1);
  const held = Bitset.of(0, 1, 6, 7);
  const question = { count: 20, held, isSigned: () => true, self: self as HostId, neighbours: [], chunkPieces: 8 };
  assert.deepEqual(chooseShare(question), { from: 2, to: 6, behind: 0 });
});

test("what another is nearer to read is offered last, with how many are before this host", () => {
  const [self, ...neighbours] = hosts(5);
  const held = new Bitset();
  const behind: number[] = [];
  const question = { count: 80, held, isSigned: () => true, self: self as HostId, neighbours, chunkPieces: 8 };
  for (let share = chooseShare(question); share !== undefined; share = chooseShare(question)) {
    behind.push(share.behind);
    held.addRange(share.from, share.to);
  }
  assert.equal(behind.length, 10);
  assert.deepEqual(behind, [...behind].sort());
  assert.ok((behind.at(-1) ?? 0) > 0);
});
