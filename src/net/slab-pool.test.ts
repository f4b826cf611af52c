import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Slab, SlabPool } from "./slab-pool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const never = new AbortController().signal;

function take(pool: SlabPool, bytes: number): Slab {
  const slab = pool.acquire(bytes);
  assert.ok(slab !== undefined);
  return slab;
}

test("a slab is as long as asked, and is reused when it is given back", () => {
  const pool = new SlabPool();
  const slab = take(pool, 500 * KIB);
  assert.equal(slab.bytes.length, 500 * KIB);
  const memory = slab.bytes.buffer;
  slab.shorten(7);
  assert.equal(slab.bytes.length, 7);
  assert.equal(pool.lentBytes, 512 * KIB);
  slab.release();
  slab.release();
  assert.equal(pool.lentBytes, 0);
  const next = take(pool, 512 * KIB);
  assert.equal(next.bytes.buffer, memory);
  assert.equal(next.bytes.length, 512 * KIB);
  assert.equal(pool.allocatedBytes, 512 * KIB);
});

test("the budget is never exceeded, and idle slabs of another size make room", () => {
  const pool = new SlabPool({ budgetBytes: 4 * MIB });
  const small = Array.from({ length: 64 }, () => take(pool, 64 * KIB));
  assert.equal(pool.acquire(1), undefined);
  assert.equal(pool.allocatedBytes, 4 * MIB);
  for (const slab of small) slab.release();
  const big = take(pool, 4 * MIB);
  assert.equal(pool.allocatedBytes, 4 * MIB);
  assert.equal(pool.acquire(1), undefined);
  big.release();
});

test("those who wait are served in turn, and nobody goes before them", async () => {
  const pool = new SlabPool({ budgetBytes: 4 * MIB });
  const first = take(pool, 2 * MIB);
  const second = take(pool, 2 * MIB);
  const served: string[] = [];
  const big = pool.acquireWhenFree(4 * MIB, never).then((slab) => {
    served.push("big");
    slab.release();
  });
  const small = pool.acquireWhenFree(64 * KIB, never).then((slab) => {
    served.push("small");
    slab.release();
  });
  first.release();
  assert.equal(pool.acquire(64 * KIB), undefined);
  assert.equal(pool.waiting, 2);
  second.release();
  await Promise.all([big, small]);
  assert.deepEqual(served, ["big", "small"]);
  assert.equal(pool.lentBytes, 0);
});

test("a wait that is given up lets the next one through", async () => {
  const pool = new SlabPool({ budgetBytes: 4 * MIB });
  const held = take(pool, 2 * MIB);
  const given = new AbortController();
  const big = pool.acquireWhenFree(4 * MIB, given.signal);
  const small = pool.acquireWhenFree(64 * KIB, never);
  given.abort();
  await assert.rejects(big, { code: "interrupted" });
  (await small).release();
  held.release();
  await assert.rejects(pool.acquireWhenFree(1, given.signal), { code: "interrupted" });
  assert.equal(pool.lentBytes, 0);
});

test("what is idle goes back to the system", async () => {
  const pool = new SlabPool({ idleMs: 1 });
  take(pool, MIB).release();
  take(pool, 64 * KIB).release();
  while (pool.allocatedBytes > 0) await delay(1);
  const again = take(pool, MIB);
  pool.trim();
  assert.equal(pool.allocatedBytes, MIB);
  again.release();
  pool.trim();
  assert.equal(pool.allocatedBytes, 0);
});

test("no slab is larger than the largest piece, and the budget holds at least one", () => {
  assert.throws(() => new SlabPool().acquire(4 * MIB + 1), { code: "internal" });
  assert.throws(() => new SlabPool({ budgetBytes: MIB }), { code: "bad-config" });
});

test("what is given back under a name can be had again as it was, once at a time", () => {
  const pool = new SlabPool();
  const slab = take(pool, 100);
  slab.bytes.fill(7);
  slab.keep("seven");
  assert.equal(pool.lentBytes, 0);
  const again = pool.recall("seven");
  assert.deepEqual(again?.bytes, Buffer.alloc(100, 7));
  assert.equal(pool.recall("seven"), undefined);
  again?.keep("seven");
  assert.equal(pool.recall("eight"), undefined);
  assert.equal(pool.recall("seven")?.bytes.length, 100);
});

test("a slab without a name is used first, and of those with one the oldest", () => {
  const pool = new SlabPool({ budgetBytes: 4 * MIB });
  const slabs = Array.from({ length: 4 }, () => take(pool, MIB));
  for (const [nth, slab] of slabs.entries()) nth === 2 ? slab.release() : slab.keep(`slab ${nth}`);
  take(pool, MIB);
  assert.ok(pool.recall("slab 3") !== undefined);
  take(pool, MIB);
  assert.equal(pool.recall("slab 0"), undefined);
  assert.ok(pool.recall("slab 1") !== undefined);
  assert.equal(pool.lentBytes, 4 * MIB);
});

test("a name is forgotten with its slab", () => {
  const pool = new SlabPool();
  take(pool, MIB).keep("one");
  pool.trim();
  assert.equal(pool.allocatedBytes, 0);
  assert.equal(pool.recall("one"), undefined);
});
