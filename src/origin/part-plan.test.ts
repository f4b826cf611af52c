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

test("every missing piece is in exactly one part, and no held piece is", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.nat(99)),
      fc.integer({ min: 1, max: 8 }),
      (length, held, connections) => {
        const of = plan(length, held, connections);
        const asked = new Array<number>(Math.ceil(length / 10)).fill(0);
        let last = 0;
        for (let part: Part | undefined = of.next(); part !== undefined; part = of.next()) {
          assert.ok(part.end !== null && part.start >= last && part.end <= length);
          last = part.end;
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
