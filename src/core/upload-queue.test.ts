import assert from "node:assert/strict";
import { test } from "node:test";
import { hostUploadLimits, seedUploadLimits, UploadQueue } from "./upload-queue.ts";

const piece = 512 * 1024;
const limits = {
  minPieces: 3,
  fewAskers: 7,
  minPiecesOfFew: 3,
  placeForEachOfFew: false,
  windowMs: 40,
  freshPieces: 2,
  retryMs: 20,
  maxRetryMs: 500,
  refusalsPerSecond: 100,
};

function admitAll(queue: UploadQueue, now: number): number {
  let admitted = 0;
  while (admitted < 1000 && queue.admit(piece, now).admitted) admitted++;
  return admitted;
}

test("four pieces are promised however slow the uplink is, and the fifth is told when to come again", () => {
  const queue = new UploadQueue(hostUploadLimits);
  for (let i = 0; i < 4; i++) assert.ok(queue.admit(piece, 0).admitted);
  assert.deepEqual(queue.admit(piece, 0), { admitted: false, retryAfterMs: hostUploadLimits.retryMs });
  assert.equal(queue.pieces, 4);
  assert.equal(queue.bytes, 4 * piece);
});

test("a few askers that have been there for a while find more places, a crowd and newcomers do not", () => {
  const queue = new UploadQueue(hostUploadLimits);
  for (let i = 0; i < 7; i++) queue.joined(1000);
  assert.equal(admitAll(queue, 2999), 4);
  assert.equal(admitAll(queue, 3000), 3);
  queue.joined(3000);
  for (let i = 0; i < 4; i++) queue.sent(piece, 3000);
  assert.equal(admitAll(queue, 6000), 1, "an eighth is no few");
  queue.left();
  assert.equal(admitAll(queue, 6000), 3);
});

test("a seed has a place for each of a few hosts, however slowly they take what they asked for", () => {
  const queue = new UploadQueue(seedUploadLimits);
  for (let i = 0; i < 8; i++) queue.joined(1000);
  assert.equal(admitAll(queue, 2999), 3);
  assert.equal(admitAll(queue, 3000), 5);
  queue.joined(3000);
  for (let i = 0; i < 8; i++) queue.cancelled(piece);
  assert.equal(admitAll(queue, 6000), 3, "nine are more than a few");
});

test("hosts take turns at a seed, but not a few of them while it has a place for each", () => {
  const asksTwice = (askers: number): boolean => {
    const queue = new UploadQueue(seedUploadLimits);
    for (let i = 0; i < askers; i++) queue.joined(0);
    queue.admit(piece, 3000);
    queue.sent(piece, 4000);
    queue.refuse(4000, "b");
    assert.ok(queue.admit(piece, 4010, { asker: "a" }).admitted);
    return queue.admit(piece, 4020, { asker: "a" }).admitted;
  };
  assert.ok(!asksTwice(9), "b waits, and a piece takes a second");
  assert.ok(asksTwice(8));
});

test("a piece that was sent or cancelled makes room for one", () => {
  const queue = new UploadQueue(limits);
  admitAll(queue, 0);
  queue.sent(piece, 1000);
  assert.equal(admitAll(queue, 1000), 1);
  queue.cancelled(piece);
  assert.equal(admitAll(queue, 1000), 1);
});

test("a fast uplink is promised what it sends in the window", () => {
  const queue = new UploadQueue(limits);
  let now = 0;
  // 1 piece a millisecond: 512 MiB/s, 40 pieces in 40 ms.
  for (let i = 0; i < 400; i++) {
    while (queue.pieces < 3) queue.admit(piece, now);
    now += 1;
    queue.sent(piece, now);
  }
  const admitted = queue.pieces + admitAll(queue, now);
  assert.ok(admitted >= 38 && admitted <= 41, `${admitted}`);
});

test("the measured rate follows the uplink, idle time does not count", () => {
  const queue = new UploadQueue(limits);
  let now = 0;
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 3; j++) queue.admit(piece, now);
    for (let j = 0; j < 3; j++) {
      now += 50;
      queue.sent(piece, now);
    }
    now += 10_000;
  }
  const expected = piece / 0.05;
  assert.ok(Math.abs(queue.rateBytesPerSecond - expected) < expected * 0.1, `${queue.rateBytesPerSecond}`);
});

test("each of a crowd is called back at another time, as fast as can be answered and no later than the most", () => {
  const queue = new UploadQueue(limits);
  for (let i = 0; i < 3; i++) queue.admit(piece, 0);
  const calls: number[] = [];
  for (let i = 0; i < 60; i++) {
    const admission = queue.admit(piece, 0);
    if (!admission.admitted) calls.push(admission.retryAfterMs);
  }
  assert.deepEqual(calls.slice(0, 4), [20, 30, 40, 50]);
  assert.equal(calls.at(-1), 500);
  assert.deepEqual(queue.admit(piece, 10_000), { admitted: false, retryAfterMs: 20 });
});

test("fresh pieces have places of their own, which copies do not take", () => {
  const queue = new UploadQueue(limits);
  for (let i = 0; i < 3; i++) assert.ok(queue.admit(piece, 0).admitted);
  assert.ok(queue.admit(piece, 0, { fresh: true }).admitted);
  assert.ok(queue.admit(piece, 0, { fresh: true }).admitted);
  assert.ok(!queue.admit(piece, 0, { fresh: true }).admitted);
  queue.sent(piece, 1000, true);
  assert.ok(!queue.admit(piece, 1000).admitted);
  assert.ok(queue.admit(piece, 1000, { fresh: true }).admitted);
  queue.cancelled(piece, true);
  assert.equal(queue.pieces, 4);
});

test("who got a piece while others wait has the next when the others could have had one", () => {
  const queue = new UploadQueue({ ...limits, minPieces: 1, minPiecesOfFew: 1 });
  queue.admit(piece, 0, { asker: "a" });
  queue.sent(piece, 100);
  assert.ok(queue.admit(piece, 100, { asker: "a" }).admitted);
  assert.ok(!queue.admit(piece, 110, { asker: "b" }).admitted);
  assert.ok(!queue.admit(piece, 110, { asker: "c" }).admitted);
  queue.sent(piece, 200);
  assert.ok(queue.admit(piece, 200, { asker: "b" }).admitted);
  queue.sent(piece, 210);
  // c waits, and a piece takes about 100 ms.
  assert.ok(!queue.admit(piece, 215, { asker: "b" }).admitted);
  assert.ok(queue.admit(piece, 216, { asker: "c" }).admitted);
});

test("one that does not come when called is not waited for", () => {
  const queue = new UploadQueue({ ...limits, minPieces: 1, minPiecesOfFew: 1 });
  queue.admit(piece, 0, { asker: "a" });
  assert.ok(!queue.admit(piece, 0, { asker: "b" }).admitted);
  assert.ok(!queue.admit(piece, 0, { asker: "c" }).admitted);
  queue.sent(piece, 1000);
  assert.ok(queue.admit(piece, 1000, { asker: "b" }).admitted);
  queue.sent(piece, 1010);
  assert.ok(queue.admit(piece, 1200, { asker: "b" }).admitted);
});

test("a tiny piece measures no uplink, and however slow it is somebody has the turn", () => {
  const queue = new UploadQueue({ ...limits, minPieces: 1, minPiecesOfFew: 1 });
  queue.admit(1, 0, { asker: "a" });
  queue.sent(1, 1);
  assert.equal(queue.rateBytesPerSecond, 0);
  const small = 64 * 1024;
  let now = 1;
  // A slow uplink, and then askers that all have had a piece while the others waited.
  const retries = new Map(["a", "b", "c", "d"].map((asker) => [asker, now]));
  const got = new Map<string, number>();
  let sendsUntil: number | undefined;
  for (; now < 10_000; now++) {
    if (now === sendsUntil) {
      queue.sent(small, now);
      sendsUntil = undefined;
    }
    for (const [asker, at] of retries) {
      if (now < at) continue;
      const admission = queue.admit(small, now, { asker });
      if (!admission.admitted) retries.set(asker, now + admission.retryAfterMs);
      else {
        sendsUntil = now + 100;
        got.set(asker, (got.get(asker) ?? 0) + 1);
        retries.set(asker, now + 1);
      }
    }
  }
  const counts = [...got.values()];
  const sum = counts.reduce((total, count) => total + count, 0);
  assert.ok(sum >= 70, `the uplink rested: ${sum} pieces in 10 s`);
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, `${counts}`);
});
