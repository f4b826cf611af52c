import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { Holding } from "../store/store.ts";
import { testContent } from "../testing/test-origin.ts";
import { ContentReader, type ContentReaderOptions } from "./content-reader.ts";
import { Transfer } from "./transfer.ts";

const pieceLength = 64 * 1024;
const content = testContent(5 * pieceLength + 77);
const pieces = 6;

/** A version that is on its way, and where its readers said they are. */
async function arriving(length: number | null = content.length) {
  const store = new MemoryStore({ quotaBytes: 0 });
  const holding = await store.create({
    id: "a".repeat(64) as VersionId,
    taskId: "b".repeat(64) as TaskId,
    url: "http://origin/content",
    length,
    pieceLength,
  });
  const transfer = new Transfer(holding);
  const places: (number | undefined)[] = [];
  const sight = () => assert.fail("nobody looks");
  transfer.drive({ stop: () => {}, readAt: (offset) => places.push(offset), rateBytesPerSecond: 0, sight });
  return { holding, transfer, places };
}

async function land(holding: Holding, ...indices: readonly number[]): Promise<void> {
  for (const index of indices) {
    const bytes = content.subarray(index * pieceLength, (index + 1) * pieceLength);
    await holding.write(index, bytes, createHash("sha256").update(bytes).digest());
  }
}

test("bytes come in order while pieces arrive in any", async () => {
  const { holding, transfer, places } = await arriving();
  const read = buffer(new ContentReader({ holding, transfer }));
  await land(holding, 5, 3, 0, 1, 4, 2);
  await holding.finish(content.length, undefined);
  transfer.succeed();
  assert.deepEqual(await read, Buffer.from(content));
  assert.equal(places[0], 0);
});

test("a part is given before the rest is there, and says where it is", async () => {
  const { holding, transfer, places } = await arriving();
  const [first, last] = [2 * pieceLength + 10, 3 * pieceLength + 5];
  const read = buffer(new ContentReader({ holding, transfer }, { first, last }));
  await land(holding, 3, 2);
  assert.deepEqual(await read, Buffer.from(content.subarray(first, last + 1)));
  assert.equal(places[0], first);
});

test("of an unknown length the end is where the transfer says", async () => {
  const { holding, transfer } = await arriving(null);
  const reader = new ContentReader({ holding, transfer });
  const read = buffer(reader);
  await land(holding, ...Array(pieces).keys());
  await new Promise(setImmediate);
  assert.equal(reader.readableEnded, false);
  await holding.finish(content.length, undefined);
  transfer.succeed();
  assert.deepEqual(await read, Buffer.from(content));
});

test("nothing at all is a content too", async () => {
  const { holding, transfer } = await arriving(0);
  await holding.finish(0, undefined);
  transfer.succeed();
  assert.equal((await buffer(new ContentReader({ holding, transfer: undefined }))).length, 0);
});

test("the last reader that leaves ends the transfer, also while it waits", async () => {
  const { holding, transfer, places } = await arriving();
  const readers = [new ContentReader({ holding, transfer }), new ContentReader({ holding, transfer })];
  for (const reader of readers) reader.resume();
  await land(holding, 0);
  readers[0]?.destroy();
  await new Promise(setImmediate);
  assert.equal(transfer.state, "running");
  readers[1]?.destroy();
  await assert.rejects(transfer.finished, { code: "interrupted" });
  assert.equal(places.at(-1), undefined);
});

test("a transfer that fails fails its readers", async () => {
  const { holding, transfer } = await arriving();
  const read = buffer(new ContentReader({ holding, transfer }));
  await land(holding, 0, 1);
  transfer.fail(new DragonflyError("origin-truncated", "it ended early"));
  await assert.rejects(read, { code: "origin-truncated" });
});

test("the end is kept back until it may be given, the rest is not", async () => {
  const { holding, transfer } = await arriving();
  const refuse = async (): Promise<void> => {
    await transfer.finished;
    throw new DragonflyError("digest-mismatch", "it is something else");
  };
  const got = { bytes: 0 };
  const take = async (options: ContentReaderOptions): Promise<void> => {
    got.bytes = 0;
    for await (const chunk of new ContentReader({ holding, transfer }, options)) got.bytes += chunk.length;
  };
  const whole = assert.rejects(take({ beforeEnd: refuse }), { code: "digest-mismatch" });
  await land(holding, ...Array(pieces).keys());
  await holding.finish(content.length, undefined);
  transfer.succeed();
  await whole;
  assert.ok(got.bytes < content.length);
  await take({ last: 9, beforeEnd: refuse });
  assert.equal(got.bytes, 10);
});

test("bytes that are not here and not on their way are an error", async () => {
  const { holding } = await arriving();
  await land(holding, 0);
  await assert.rejects(buffer(new ContentReader({ holding, transfer: undefined })), { code: "not-found" });
});
