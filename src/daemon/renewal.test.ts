import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { silentLog } from "../runtime/log.ts";
import { Renewal } from "./renewal.ts";

const hourMs = 3_600_000;

/** A renewal of certificates that live for a day, at this age of the first, with a supernode that is there or not. */
function stage(t: TestContext, ageMs: number, isThere = true) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 100 * hourMs });
  const issued = (atMs: number) => ({ issuedAtMs: atMs, expiresAtMs: atMs + 24 * hourMs });
  const world = { isThere, asked: 0, times: issued(Date.now() - ageMs) };
  const renewal = new Renewal({
    times: () => world.times,
    renew: async () => {
      world.asked++;
      if (!world.isThere) throw new DragonflyError("supernode-unreachable", "no supernode answers");
      world.times = issued(Date.now());
    },
    log: silentLog,
  });
  t.after(() => renewal.close());
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    // What was renewed is noted, and the next time set, in turns of their own.
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { renewal, world, pass };
}

test("a certificate is renewed at half its life, however often a supernode is back before", async (t) => {
  const { renewal, world, pass } = stage(t, 11 * hourMs);
  for (let minute = 0; minute < 59; minute++) {
    renewal.supernodeBack();
    await pass(60_000);
  }
  assert.equal(world.asked, 0);
  await pass(60_000);
  assert.equal(world.asked, 1);
  for (let minute = 0; minute < 11 * 60; minute++) await pass(60_000);
  assert.equal(world.asked, 1);
});

test("one that is overdue is renewed within seconds of a supernode's coming, and not again when another comes", async (t) => {
  const { renewal, world, pass } = stage(t, 13 * hourMs, false);
  await pass(1000);
  assert.equal(world.asked, 1);
  world.isThere = true;
  renewal.supernodeBack();
  renewal.supernodeBack();
  await pass(3000);
  assert.equal(world.asked, 2);
  renewal.supernodeBack();
  await pass(60_000);
  assert.equal(world.asked, 2);
});

test("one that is overdue is tried again by itself, a few times a minute at most", async (t) => {
  const { world, pass } = stage(t, 13 * hourMs, false);
  for (let second = 0; second < 600; second++) await pass(1000);
  assert.ok(world.asked >= 10 && world.asked <= 21, String(world.asked));
});

test("after its end nothing is renewed", async (t) => {
  const { renewal, world, pass } = stage(t, 13 * hourMs);
  renewal.close();
  renewal.supernodeBack();
  await pass(600_000);
  assert.equal(world.asked, 0);
});
