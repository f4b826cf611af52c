import assert from "node:assert/strict";
import { test } from "node:test";
import { countStates, isOver, moved, type PreheatState, stateOfAll } from "./preheat-state.ts";

const all: readonly PreheatState[] = ["waiting", "running", "done", "failed", "cancelled"];

test("what is over stays as it ended", () => {
  for (const from of all.filter(isOver)) for (const to of all) assert.equal(moved(from, to), from);
});

test("nothing is done that did not run, and what failed once may be tried again", () => {
  assert.equal(moved("waiting", "done"), "waiting");
  assert.equal(moved("running", "waiting"), "waiting");
  assert.equal(moved("waiting", "cancelled"), "cancelled");
});

test("the whole is what its parts are", () => {
  const table: readonly (readonly [readonly PreheatState[], PreheatState])[] = [
    [[], "done"],
    [["waiting", "waiting"], "waiting"],
    [["waiting", "running"], "running"],
    [["waiting", "done"], "running"],
    [["waiting", "failed"], "running"],
    [["done", "done"], "done"],
    [["done", "failed", "cancelled"], "failed"],
    [["done", "cancelled"], "cancelled"],
  ];
  for (const [parts, whole] of table) assert.equal(stateOfAll(countStates(parts)), whole, parts.join(" "));
});
