import assert from "node:assert/strict";
import { test } from "node:test";
import type { Audience, TaskId } from "../core/ids.ts";
import { type Errand, Errands } from "./errands.ts";

const everybody = "" as Audience;
const errand = (task: string, by: string, onlyShareable = false): Errand => ({
  ...{ task: task as TaskId, audience: everybody, displayUrl: "http://h/", digest: undefined, onlyShareable, by },
  request: { url: "http://h/", headers: {} },
});

test("a host that asks for more than its share is refused, and the others are not", () => {
  const errands = new Errands({ all: 100, ofOne: 3 });
  for (const task of ["1", "2", "3"]) errands.note(errand(task, "ann"));
  assert.throws(() => errands.note(errand("4", "ann")), { code: "overloaded", message: /3 tasks of this host/ });
  errands.note(errand("4", "bob"));
  errands.note(errand("3", "ann"));
  errands.forget("1" as TaskId, everybody);
  errands.note(errand("5", "ann"));
  assert.throws(() => errands.note(errand("6", "ann")), { code: "overloaded" });
});

test("who asks for what another asked for takes no place of his own", () => {
  const errands = new Errands({ all: 100, ofOne: 1 });
  errands.note(errand("1", "ann"));
  errands.note(errand("1", "bob"));
  errands.note(errand("2", "bob"));
  assert.throws(() => errands.note(errand("3", "ann")), { code: "overloaded" });
  errands.forget("1" as TaskId, everybody);
  errands.forget("1" as TaskId, everybody);
  errands.note(errand("3", "ann"));
  assert.throws(() => errands.note(errand("4", "ann")), { code: "overloaded" });
});

test("all of them together have a limit too", () => {
  const errands = new Errands({ all: 2, ofOne: 2 });
  errands.note(errand("1", "ann"));
  errands.note(errand("2", "bob"));
  assert.throws(() => errands.note(errand("3", "cai")), { code: "overloaded", message: /too many/ });
});

test("one who takes content whether it may be shared or not is enough", () => {
  const errands = new Errands();
  for (const only of [true, false, true]) errands.note(errand("1", "ann", only));
  assert.equal(errands.get("1" as TaskId, everybody)?.onlyShareable, false);
  errands.forget("1" as TaskId, everybody);
  assert.equal(errands.get("1" as TaskId, everybody), undefined);
});
