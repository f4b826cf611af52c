// What every store promises, as tests: each implementation runs them all.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { DragonflyError, type ErrorCode } from "../core/error.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";
import { countPieces, pieceBytes } from "../core/version.ts";
import type { Holding, Store } from "../store/store.ts";

export interface StoreSetup {
  readonly quotaBytes: number;
  readonly now: () => number;
}

/** Opens an empty store; `close` closes it and leaves nothing behind. */
export type OpenStore = (setup: StoreSetup) => Promise<{ readonly store: Store; close(): Promise<void> }>;

const pieceLength = 1000;

export function versionOf(name: string, length: number | null, task = name): VersionRecord {
  const id = sha256(Buffer.from(`version ${name}`)).toString("hex") as VersionId;
  const taskId = sha256(Buffer.from(`task ${task}`)).toString("hex") as TaskId;
  return { id, taskId, length, pieceLength, url: `http://origin.test/${name}`, etag: '"1"' };
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** Bytes that no other version or piece has. */
export function contentOf(version: VersionRecord, length: number): Buffer {
  const content = Buffer.alloc(length);
  for (let at = 0; at < length; at++)
    content[at] = (at * 31 + Math.floor(at / 997) + version.id.charCodeAt(at % 64)) & 255;
  return content;
}

export function pieceOf(version: VersionRecord, content: Uint8Array, index: number): Uint8Array {
  const start = index * version.pieceLength;
  return content.subarray(
    start,
    start + pieceBytes({ length: content.length, pieceLength: version.pieceLength }, index),
  );
}

export async function writePiece(holding: Holding, content: Uint8Array, index: number): Promise<void> {
  const piece = pieceOf(holding.version, content, index);
  await holding.write(index, piece, sha256(piece));
}

/** Creates, writes and finishes a version of this length. */
export async function fill<H extends Holding>(
  store: { create(version: VersionRecord): Promise<H> },
  name: string,
  length: number,
): Promise<H> {
  const version = versionOf(name, length);
  const holding = await store.create(version);
  const content = contentOf(version, length);
  for (let index = 0; index < countPieces(length, version.pieceLength); index++)
    await writePiece(holding, content, index);
  await holding.finish(length, sha256(content).toString("hex"));
  return holding;
}

export const withCode = (code: ErrorCode) => (error: unknown) => error instanceof DragonflyError && error.code === code;

export function storeContract(name: string, open: OpenStore): void {
  const check = (what: string, body: (store: Store, clock: { nowMs: number }) => Promise<void>, quotaBytes = 0) =>
    test(`${name}: ${what}`, async () => {
      const clock = { nowMs: 1_700_000_000_000 };
      const { store, close } = await open({ quotaBytes, now: () => clock.nowMs });
      try {
        await body(store, clock);
      } finally {
        await close();
      }
    });

  check("a piece that was written is read back, whole and in parts", async (store) => {
    const version = versionOf("a", 2500);
    const holding = await store.create(version);
    const content = contentOf(version, 2500);
    for (const index of [2, 0, 1]) await writePiece(holding, content, index);
    const into = Buffer.alloc(4000);
    assert.equal(await holding.read(2, into), 500);
    assert.deepEqual(into.subarray(0, 500), content.subarray(2000));
    assert.equal(await holding.readAt(700, into, 1600), 1600);
    assert.deepEqual(into.subarray(0, 1600), content.subarray(700, 2300));
    assert.deepEqual(holding.pieceDigest(2), new Uint8Array(sha256(content.subarray(2000))));
    assert.equal(store.usedBytes, 2500);
  });

  check("the buffer of a written piece may be reused at once", async (store) => {
    const holding = await store.create(versionOf("a", 1000));
    const slab = Buffer.alloc(1000, 1);
    await holding.write(0, slab, sha256(slab));
    slab.fill(2);
    const into = Buffer.alloc(1000);
    await holding.read(0, into);
    assert.ok(into.every((byte) => byte === 1));
  });

  check("what is not held cannot be read", async (store) => {
    const version = versionOf("a", 3000);
    const holding = await store.create(version);
    await writePiece(holding, contentOf(version, 3000), 1);
    const into = Buffer.alloc(3000);
    await assert.rejects(holding.read(0, into), withCode("not-found"));
    await assert.rejects(holding.readAt(500, into, 1000), withCode("not-found"));
    await assert.rejects(holding.readAt(1500, into, 1000), withCode("not-found"));
    await assert.rejects(holding.readAt(2900, into, 200), withCode("not-found"));
    assert.equal(holding.pieceDigest(0), undefined);
  });

  check("a piece is kept and told of once, however often it is written", async (store) => {
    const version = versionOf("a", 2000);
    const holding = await store.create(version);
    const content = contentOf(version, 2000);
    const gained: number[] = [];
    const stop = holding.onGained((index) => gained.push(index));
    await Promise.all([writePiece(holding, content, 1), writePiece(holding, content, 1)]);
    await writePiece(holding, content, 1);
    stop();
    await writePiece(holding, content, 0);
    assert.deepEqual(gained, [1]);
    assert.deepEqual([...holding.held], [0, 1]);
    assert.equal(store.usedBytes, 2000);
  });

  check("bytes that are no piece of the version are refused", async (store) => {
    const holding = await store.create(versionOf("a", 1500));
    const digest = new Uint8Array(32);
    for (const [index, bytes] of [
      [0, 999],
      [1, 1000],
      [2, 500],
      [-1, 1000],
      [0.5, 1000],
    ] as const) {
      await assert.rejects(holding.write(index, new Uint8Array(bytes), digest), withCode("internal"));
    }
    await assert.rejects(holding.write(0, new Uint8Array(1000), new Uint8Array(20)), withCode("internal"));
    assert.equal(holding.held.count, 0);
    assert.equal(store.usedBytes, 0);
  });

  check("a version is complete once it was finished with all its pieces", async (store) => {
    const version = versionOf("a", 2500);
    const holding = await store.create(version);
    const content = contentOf(version, 2500);
    await writePiece(holding, content, 0);
    await writePiece(holding, content, 2);
    await assert.rejects(holding.finish(2500, undefined), withCode("internal"));
    assert.equal(holding.state, "partial");
    await writePiece(holding, content, 1);
    await assert.rejects(holding.finish(2400, undefined), withCode("internal"));
    await holding.finish(2500, "ab".repeat(32));
    assert.equal(holding.state, "complete");
    assert.equal(holding.digest, "ab".repeat(32));
    await holding.finish(2500, undefined);
    assert.equal(holding.digest, "ab".repeat(32));
  });

  check("an unknown length is as long as what was written", async (store) => {
    const version = versionOf("a", null);
    const holding = await store.create(version);
    const content = contentOf(version, 2300);
    for (const index of [0, 1, 2]) await writePiece(holding, content, index);
    const into = Buffer.alloc(1000);
    assert.equal(await holding.read(2, into), 300);
    await assert.rejects(holding.finish(3000, undefined), withCode("internal"));
    await holding.finish(2300, undefined);
    assert.equal(holding.version.length, 2300);
    assert.equal(store.usedBytes, 2300);
  });

  check("empty content can be complete", async (store) => {
    const holding = await store.create(versionOf("a", 0));
    await holding.finish(0, undefined);
    assert.equal(holding.state, "complete");
    assert.equal(await holding.readAt(0, Buffer.alloc(0), 0), 0);
  });

  check("a version is made once and found by its id and its task", async (store, clock) => {
    const first = await store.create(versionOf("a1", 1000, "a"));
    clock.nowMs += 10;
    const second = await store.create(versionOf("a2", 1000, "a"));
    clock.nowMs += 10;
    const other = await store.create(versionOf("b", 1000));
    assert.equal(await store.create(versionOf("a1", 1000, "a")), first);
    assert.equal(store.find(first.version.id), first);
    assert.equal(store.latest(first.version.taskId), second);
    assert.deepEqual([...store.all()], [first, second, other]);
    await store.remove(second.version.id);
    assert.equal(store.latest(first.version.taskId), first);
    assert.equal(store.find(second.version.id), undefined);
  });

  check("pieces of another cut do not mix", async (store) => {
    const version = versionOf("a", 2000);
    const old = await store.create(version);
    await writePiece(old, contentOf(version, 2000), 0);
    const anew = await store.create({ ...version, pieceLength: 500 });
    assert.notEqual(anew, old);
    assert.equal(anew.held.count, 0);
    assert.equal(store.usedBytes, 0);
  });

  check("whoever acquired a version goes on reading after its removal", async (store) => {
    const holding = await fill(store, "a", 2000);
    const gone: VersionId[] = [];
    const stop = store.onEvicted((id) => gone.push(id));
    const release = holding.acquire();
    await store.remove(holding.version.id);
    await store.remove(holding.version.id);
    assert.deepEqual(gone, [holding.version.id]);
    assert.equal(store.usedBytes, 0);
    const anew = await store.create(holding.version);
    const into = Buffer.alloc(2000);
    assert.equal(await holding.readAt(0, into, 2000), 2000);
    assert.deepEqual(into, contentOf(holding.version, 2000));
    await assert.rejects(anew.read(0, into), withCode("not-found"));
    release();
    release();
    await assert.rejects(holding.read(0, into), withCode("not-found"));
    await assert.rejects(writePiece(holding, contentOf(holding.version, 2000), 0), withCode("not-found"));
    await assert.rejects(holding.finish(2000, undefined), withCode("not-found"));
    stop();
  });

  check(
    "the least recently used version goes when the quota has no room",
    async (store, clock) => {
      const a = await fill(store, "a", 4000);
      clock.nowMs += 10_000;
      const b = await fill(store, "b", 4000);
      clock.nowMs += 10_000;
      a.acquire()();
      clock.nowMs += 10_000;
      const gone: VersionId[] = [];
      store.onEvicted((id) => gone.push(id));
      await fill(store, "c", 4000);
      assert.deepEqual(gone, [b.version.id]);
      assert.equal(store.usedBytes, 8000);
    },
    10_000,
  );

  check(
    "what nobody else holds stays while something else can go, and goes when it must",
    async (store, clock) => {
      const old = await fill(store, "old", 4000);
      clock.nowMs += 10_000;
      const young = await fill(store, "young", 4000);
      clock.nowMs += 10_000;
      const asked: (readonly VersionId[])[] = [];
      store.spareLastCopies(async (versions) => {
        asked.push(versions.map(({ id }) => id));
        return new Set([old.version.id]);
      });
      await store.create(versionOf("next", 4000));
      assert.deepEqual(asked, [[old.version.id, young.version.id]]);
      assert.equal(store.find(old.version.id), old);
      assert.equal(store.find(young.version.id), undefined);
      clock.nowMs += 10_000;
      await store.create(versionOf("large", 10_000));
      assert.equal(store.find(old.version.id), undefined);
    },
    10_000,
  );

  check(
    "what is pinned or was just written is not evicted",
    async (store, clock) => {
      const a = await fill(store, "a", 4000);
      const release = a.acquire();
      clock.nowMs += 10_000;
      await fill(store, "b", 4000);
      const refused = await store.create(versionOf("c", 4000)).catch((error: unknown) => error);
      assert.ok(refused instanceof DragonflyError && refused.code === "no-space" && refused.retryAfterMs !== undefined);
      assert.equal([...store.all()].length, 2);
      release();
      clock.nowMs += 10_000;
      await store.create(versionOf("c", 4000));
      assert.equal(store.find(a.version.id), undefined);
    },
    10_000,
  );

  check(
    "what cannot fit is refused before a byte is fetched, and evicts nothing",
    async (store, clock) => {
      await fill(store, "a", 4000);
      clock.nowMs += 10_000;
      const refused = await store.create(versionOf("b", 10_001)).catch((error: unknown) => error);
      assert.ok(refused instanceof DragonflyError && refused.code === "no-space" && refused.retryAfterMs === undefined);
      assert.equal(store.usedBytes, 4000);
    },
    10_000,
  );

  check(
    "two downloads are not promised the same room",
    async (store) => {
      await store.create(versionOf("a", 6000));
      await assert.rejects(store.create(versionOf("b", 6000)), withCode("no-space"));
    },
    10_000,
  );

  check(
    "an unknown length takes none of the room that another was promised",
    async (store) => {
      const promised = await store.create(versionOf("a", 6000));
      const unknown = versionOf("b", null);
      const holding = await store.create(unknown);
      const content = contentOf(unknown, 5000);
      for (let index = 0; index < 4; index++) await writePiece(holding, content, index);
      await assert.rejects(writePiece(holding, content, 4), withCode("no-space"));
      for (let index = 0; index < 6; index++) await writePiece(promised, contentOf(promised.version, 6000), index);
      assert.equal(store.usedBytes, 10_000);
    },
    10_000,
  );

  check(
    "an unknown length is checked against the quota as it grows",
    async (store, clock) => {
      const old = await fill(store, "a", 4000);
      clock.nowMs += 10_000;
      const version = versionOf("b", null);
      const holding = await store.create(version);
      const content = contentOf(version, 11_000);
      for (let index = 0; index < 10; index++) await writePiece(holding, content, index);
      assert.equal(store.find(old.version.id), undefined);
      await assert.rejects(writePiece(holding, content, 10), withCode("no-space"));
      assert.equal(store.usedBytes, 10_000);
      assert.equal(holding.held.count, 10);
    },
    10_000,
  );

  check("a closed store takes nothing more", async (store) => {
    const holding = await store.create(versionOf("a", 1000));
    const content = contentOf(holding.version, 1000);
    const writing = writePiece(holding, content, 0);
    await Promise.all([store.close(), store.close()]);
    await writing;
    await assert.rejects(store.create(versionOf("b", 1000)), withCode("interrupted"));
    await assert.rejects(store.remove(holding.version.id), withCode("interrupted"));
  });
}
