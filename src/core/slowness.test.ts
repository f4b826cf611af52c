import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadTuning } from "./download-tuning.ts";
import type { HostId } from "./ids.ts";
import { Neighbour } from "./neighbour.ts";
import { NeighbourTable } from "./neighbour-table.ts";
import { findSlow } from "./slowness.ts";

const table = new NeighbourTable(0);

function measured(id: string, seed: boolean, rate: number): Neighbour {
  const neighbour = new Neighbour(id as HostId, seed, table);
  table.setRate(neighbour.row, rate);
  return neighbour;
}

function neighbours(...rates: readonly number[]): Neighbour[] {
  return rates.map((rate, nth) => measured(`host${nth}`, false, rate));
}

const cases: readonly [what: string, rates: readonly number[], slow: string | undefined][] = [
  ["one at a hundredth of the others", [1000, 10, 1100, 900, 1000], "host1"],
  ["a weak host at a tenth", [1000, 100, 1100, 900, 1000], undefined],
  ["too few to compare with", [1000, 10, 1100, 900], undefined],
  ["those that have sent nothing yet", [1000, 0, 1100, 900, 1000], undefined],
];

for (const [what, rates, slow] of cases) {
  test(`${what}: ${slow === undefined ? "nobody is slow" : "it is slow"}`, () => {
    assert.equal(findSlow(neighbours(...rates), downloadTuning)?.id, slow);
  });
}

test("a seed is never slow: there is no other", () => {
  const seed = measured("seed", true, 1);
  assert.equal(findSlow([seed, ...neighbours(1000, 1100, 900, 1000)], downloadTuning), undefined);
});
