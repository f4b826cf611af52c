import assert from "node:assert/strict";
import { test } from "node:test";
import { Telling } from "./telling.ts";

test("the first piece is told at once, the next a little later, and without hurry while there is plenty to give", () => {
  const telling = new Telling();
  assert.equal(telling.dueMs(0, 1000), 1000);
  telling.told(1005);
  assert.equal(telling.dueMs(4, 1006), 1025);
  assert.equal(telling.dueMs(400, 1006), 1105);
  assert.equal(telling.dueMs(400, 1200), 1205);
});
