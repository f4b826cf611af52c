import assert from "node:assert/strict";
import { test } from "node:test";
import { Absences } from "./absence.ts";

test("a registry counts as away for a short time, and only so many do", () => {
  let now = 0;
  const absences = new Absences(() => now);
  absences.note("https://a");
  assert.deepEqual([absences.has("https://a"), absences.has("https://b")], [true, false]);
  now = 9_999;
  assert.equal(absences.has("https://a"), true);
  now = 10_000;
  assert.equal(absences.has("https://a"), false);
  for (let nth = 0; nth < 300; nth++) absences.note(`https://${nth}`);
  assert.deepEqual([absences.has("https://0"), absences.has("https://299")], [false, true]);
});
