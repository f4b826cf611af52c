import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId, VersionId } from "./ids.ts";
import { sumOf, Traffic } from "./traffic.ts";

const host = "a".repeat(32) as HostId;
const version = "b".repeat(64) as VersionId;
const hourMs = 3_600_000;
const from = (peers: number, supernode = 0, origin = 0) => ({ peers, supernode, origin });

test("what downloads tell as totals is counted once, by source", () => {
  const traffic = new Traffic();
  traffic.received(host, version, from(10, 5), { nowMs: 0, last: false });
  traffic.received(host, version, from(30, 5), { nowMs: 1000, last: false });
  traffic.received(host, version, from(30, 5, 7), { nowMs: 2000, last: true });
  traffic.read(40, 2000);
  assert.deepEqual(sumOf(traffic.lastDay(2000).values()), { peers: 30, supernode: 5, origin: 7, read: 40 });
  assert.equal(traffic.curve(version)?.sum, 42);
});

test("a download that begins anew counts from nothing, one that goes on does not", () => {
  const traffic = new Traffic();
  traffic.received(host, version, from(10), { nowMs: 0, last: false });
  traffic.received(host, version, from(4), { nowMs: 1, last: true });
  traffic.received(host, version, from(6), { nowMs: 2, last: false });
  assert.equal(traffic.totals.peers, 20);
});

test("after 24 hours it is forgotten, though the totals stay", () => {
  const traffic = new Traffic();
  traffic.received(host, version, from(10), { nowMs: 0, last: true });
  traffic.received(host, version, from(7), { nowMs: 20 * hourMs, last: true });
  assert.deepEqual(
    [...traffic.lastDay(20 * hourMs).values()].map(({ peers }) => peers),
    [10, 7],
  );
  assert.equal(sumOf(traffic.lastDay(25 * hourMs).values()).peers, 7);
  assert.equal(traffic.lastDay(50 * hourMs).size, 0);
  assert.equal(traffic.totals.peers, 17);
});
