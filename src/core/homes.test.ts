import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rankHomes } from "./homes.ts";
import type { HostId, TaskId } from "./ids.ts";

const hex = (digits: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: digits, maxLength: digits }).map((all) => all.join(""));
const task = hex(64) as fc.Arbitrary<TaskId>;
const supernodes = fc.uniqueArray(hex(32), { minLength: 1, maxLength: 12 }) as fc.Arbitrary<HostId[]>;

test("every supernode is ranked once, in the same order whoever lists them how", () => {
  fc.assert(
    fc.property(task, supernodes, (id, all) => {
      const ranked = rankHomes(id, all);
      assert.deepEqual([...ranked].sort(), [...all].sort());
      assert.deepEqual(rankHomes(id, [...all].reverse()), ranked);
    }),
  );
});

test("when one goes, the order of the others stays: only its own tasks move, and each to its next", () => {
  fc.assert(
    fc.property(task, supernodes, fc.nat(), (id, all, nth) => {
      const gone = all[nth % all.length];
      const ranked = rankHomes(id, all);
      const left = all.filter((one) => one !== gone);
      assert.deepEqual(
        rankHomes(id, left),
        ranked.filter((one) => one !== gone),
      );
    }),
  );
});

test("tasks spread evenly, also over supernodes and tasks whose names differ in one digit", () => {
  for (const count of [2, 3, 5, 8]) {
    const all = Array.from({ length: count }, (_, nth) => nth.toString(16).padStart(32, "0") as HostId);
    const tasks = 8000;
    const homes = new Map<HostId, number>();
    for (let nth = 0; nth < tasks; nth++) {
      const [home] = rankHomes(nth.toString(16).padStart(64, "0") as TaskId, all);
      if (home !== undefined) homes.set(home, (homes.get(home) ?? 0) + 1);
    }
    // Six standard deviations of a fair draw.
    const slack = 6 * Math.sqrt((tasks / count) * (1 - 1 / count));
    for (const id of all)
      assert.ok(Math.abs((homes.get(id) ?? 0) - tasks / count) < slack, `${count}: ${homes.get(id)}`);
  }
});
