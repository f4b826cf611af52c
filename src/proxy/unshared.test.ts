import assert from "node:assert/strict";
import { test } from "node:test";
import { Unshared } from "./unshared.ts";

test("what was not to be shared is remembered for ten minutes, and not endlessly many", () => {
  let nowMs = 0;
  const unshared = new Unshared(() => nowMs);
  unshared.note("http://a/");
  assert.ok(unshared.has("http://a/"));
  assert.ok(!unshared.has("http://b/"));
  nowMs = 600_000;
  assert.ok(!unshared.has("http://a/"));
  for (let nth = 0; nth < 5000; nth++) unshared.note(`http://${nth}/`);
  assert.ok(!unshared.has("http://0/"));
  assert.ok(unshared.has("http://4999/"));
});
