import assert from "node:assert/strict";
import { test } from "node:test";
import { Curve } from "./curve.ts";

test("a curve keeps its start, its end and its order in a bounded number of points", () => {
  const curve = new Curve();
  for (let ms = 0; ms <= 3_600_000; ms += 40) curve.add(10, ms);
  const { points } = curve;
  assert.ok(points.length <= 128 && points.length > 32, `${points.length}`);
  assert.deepEqual(points[0], [0, 0]);
  assert.deepEqual(points.at(-1), [3_600_000, curve.sum]);
  assert.equal(curve.sum, 900_010);
  for (const [at, [ms, sum]] of points.entries()) {
    assert.ok(at === 0 || ms >= (points[at - 1]?.[0] ?? 0));
    assert.ok(Math.abs(sum - ms / 4) <= 10, `${sum} at ${ms}`);
  }
});
