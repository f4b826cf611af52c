import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

const KIB = 1024;

test("without a rate everything passes at once", () => {
  const bucket = new TokenBucket(0);
  bucket.take(1e12, 0);
  assert.equal(bucket.waitMs(0), 0);
});

test("who has taken more than there is makes the next one wait until it is even", () => {
  const bucket = new TokenBucket(1_000_000);
  bucket.take(64 * KIB + 100_000, 0);
  const waitMs = bucket.waitMs(0);
  assert.ok(waitMs >= 100 && waitMs <= 102, `${waitMs}`);
  assert.equal(bucket.waitMs(waitMs), 0);
});

test("over any time no more passes than the rate, the burst and one chunk", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: 1_000_000_000 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 128 * KIB }), fc.integer({ min: 0, max: 50 })), { maxLength: 200 }),
      (rate, chunks) => {
        const bucket = new TokenBucket(rate);
        let now = 0;
        let passed = 0;
        for (const [bytes, pauseMs] of chunks) {
          now += pauseMs;
          now += bucket.waitMs(now);
          assert.equal(bucket.waitMs(now), 0);
          bucket.take(bytes, now);
          passed += bytes;
          const burst = Math.min(1 << 20, Math.max(64 * KIB, rate / 100));
          assert.ok(passed <= (rate * now) / 1000 + burst + bytes + 1, `${passed} bytes in ${now} ms`);
        }
      },
    ),
  );
});

test("idleness saves up one burst, not more", () => {
  const bucket = new TokenBucket(10_000_000);
  bucket.take(1, 0);
  assert.equal(bucket.waitMs(3_600_000), 0);
  bucket.take(100_000, 3_600_000);
  assert.equal(bucket.waitMs(3_600_000), 1);
});

test("who waits and comes late loses no time, up to a quarter of a second", () => {
  for (const [lateMs, savedMs] of [
    [100, 100],
    [240, 240],
    [10_000, 250],
  ] as const) {
    const bucket = new TokenBucket(10_000_000);
    bucket.take(300_000, 0);
    const now = bucket.waitMs(0) + lateMs;
    assert.equal(bucket.waitMs(now), 0);
    bucket.take(savedMs * 10_000 - 20_000, now);
    assert.equal(bucket.waitMs(now), 0, `${lateMs} ms late`);
    bucket.take(40_000, now);
    assert.ok(bucket.waitMs(now) > 0, `${lateMs} ms late`);
  }
});

test("what is given back can be taken again, up to the burst", () => {
  const bucket = new TokenBucket(1000);
  bucket.take(64 * KIB, 0);
  assert.ok(bucket.waitMs(0) > 0);
  bucket.giveBack(10 * 1024 * KIB);
  assert.equal(bucket.waitMs(0), 0);
  bucket.take(64 * KIB, 0);
  assert.ok(bucket.waitMs(0) > 0);
});

test("a new rate holds from the moment it is set", () => {
  const bucket = new TokenBucket(1_000_000);
  bucket.take(64 * KIB + 1_000_000, 0);
  bucket.setRate(10_000_000, 0);
  assert.equal(bucket.rateBytesPerSecond, 10_000_000);
  const waitMs = bucket.waitMs(0);
  assert.ok(waitMs >= 100 && waitMs <= 102, `${waitMs}`);
  bucket.setRate(0, 1);
  assert.equal(bucket.waitMs(1), 0);
});

test("a limit set on an unlimited bucket starts with a burst at most", () => {
  const bucket = new TokenBucket(0);
  bucket.setRate(1000, 5);
  bucket.take(64 * KIB, 5);
  assert.ok(bucket.waitMs(5) > 0);
});
