import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "../core/bitset.ts";
import { type Part, PartPlan } from "./part-plan.ts";

function plan(length: number, held: readonly number[], connections = 2): PartPlan {
  const limits = { connections, minPartBytes: 20, maxPartBytes: 40 };
  return new PartPlan({ length, pieceLength: 10, held: Bitset.of(...held), ...limits });
}

function rest(of: PartPlan): number[][] {
  const parts: number[][] = [];
  for (let part = of.next(); part !== undefined; part = of.next()) parts.push([part.start, part.end ?? -1]);
  return parts;
}

test("parts are runs of missing pieces in file order, smaller towards the end", () => {
  assert.deepEqual(rest(plan(205, [])), [
    [0, 40],
    [40, 80],
    [80, 110],
    [110, 130],
    [130, 150],
    [150, 170],
    [170, 190],
    [190, 205],
  ]);
  assert.deepEqual(rest(plan(60, [0, 3])), [
    [10, 30],
    [40, 60],
  ]);
  assert.deepEqual(rest(plan(0, [])), []);
});

test("the front part ends with the last piece that is wanted of the first body", () => {
  const front = plan(100, [3, 4]);
  assert.deepEqual(front.front(45), { start: 0, end: 30, at: 0 });
  assert.deepEqual(rest(front), [
    [50, 70],
    [70, 90],
    [90, 100],
  ]);
  assert.equal(plan(100, [0, 1]).front(20), undefined);
  assert.equal(plan(0, []).front(0), undefined);
});

test("what is waited for comes next, but for what is held or on its way", () => {
  const of = plan(1000, [52]);
  assert.deepEqual(of.next(), { start: 0, end: 40, at: 0 });
  assert.ok(!of.readFirst(3, 9), "it is on its way");
  assert.ok(!of.readFirst(52, 60), "it is held");
  assert.ok(!of.readFirst(100, 101), "it is not there");
  assert.ok(of.readFirst(50, 60));
  assert.ok(of.readFirst(99, 200));
  assert.deepEqual(of.nextFirst(), { start: 500, end: 520, at: 500 });
  assert.deepEqual(of.nextFirst(), { start: 530, end: 570, at: 530 });
  assert.deepEqual(of.next(), { start: 570, end: 600, at: 570 });
  assert.deepEqual(of.next(), { start: 990, end: 1000, at: 990 });
  assert.equal(of.nextFirst(), undefined);
  assert.deepEqual(of.next(), { start: 40, end: 80, at: 40 });
});

test("every missing piece is in exactly one part, and no held piece is", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.nat(99)),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.tuple(fc.nat(20), fc.nat(120), fc.nat(20))),
      (length, held, connections, aheads) => {
        const of = plan(length, held, connections);
        const asked = new Array<number>(Math.ceil(length / 10)).fill(0);
        let last = 0;
        let nth = 0;
        for (let part: Part | undefined = of.next(); part !== undefined; part = of.next(), nth++) {
          assert.ok(part.end !== null && part.end <= length);
          assert.ok(aheads.length > 0 || part.start >= last, "in file order");
          last = part.end;
          for (const [after, from, pieces] of aheads) if (after === nth) of.readFirst(from, from + pieces);
          for (let at = part.start; at < part.end; at += 10) asked[at / 10] = (asked[at / 10] ?? 0) + 1;
        }
        assert.deepEqual(
          asked,
          asked.map((_, index) => (held.includes(index) ? 0 : 1)),
        );
      },
    ),
  );
});
