import assert from "node:assert/strict";
import { test } from "node:test";
import { freshForMs } from "./freshness.ts";

const table: readonly (readonly [cacheControl: string | undefined, ms: number])[] = [
  [undefined, 3000],
  ["public", 3000],
  ["max-age=1", 1000],
  ["public, Max-Age=0", 0],
  ["max-age=3600, immutable", 3000],
  ["max-age=3600, s-maxage=2", 2000],
  ['max-age="2"', 2000],
  ["max-age=soon", 3000],
  ["no-cache", 0],
  ['no-cache="set-cookie"', 3000],
  ["no-store, max-age=10", 0],
];

for (const [cacheControl, ms] of table) {
  test(`with Cache-Control ${cacheControl ?? "absent"} the origin's word counts for ${ms} ms of 3000`, () => {
    assert.equal(freshForMs(cacheControl, 3000), ms);
  });
}
