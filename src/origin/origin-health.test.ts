import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { OriginHealth } from "./origin-health.ts";

const url = "http://origin.example/a";
const down = new DragonflyError("origin-unreachable", "nobody answers");

function failing(times: number, error = down): OriginHealth {
  const health = new OriginHealth();
  for (let i = 0; i < times; i++) health.failed(url, error, i);
  return health;
}

test("an origin that failed five times is left alone, and the error says so and when to come again", () => {
  const health = failing(4);
  health.check(url, 4);
  assert.deepEqual(health.failed(url, down, 4), { origin: "http://origin.example", forMs: 2000 });
  assert.throws(
    () => health.check("http://origin.example/other", 5),
    (error: DragonflyError) => {
      assert.equal(error.code, "origin-unreachable");
      assert.equal(error.blame, "origin");
      assert.equal(error.retryAfterMs, 1999);
      assert.match(error.message, /left alone for 2 s: nobody answers/);
      return true;
    },
  );
  health.check("http://other.example/a", 5);
  assert.equal(health.list(5)[0]?.standing, "isolated");
});

test("afterwards it is asked again, and one more failure is enough", () => {
  const health = failing(5);
  health.check(url, 2005);
  assert.equal(health.failed(url, down, 2005)?.forMs, 4000);
});

test("whatever it serves clears it", () => {
  const health = failing(4);
  health.served(url);
  assert.equal(health.failed(url, down, 5), undefined);
  assert.equal(health.list(5).length, 1);
});

test("what it refuses to one asker is no fault", () => {
  const refused = new DragonflyError("origin-refused", "HTTP 404", { originStatus: 404 });
  failing(10, refused).check(url, 10);
});
