import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contentOf, fill, versionOf, writePiece } from "../testing/store-contract.ts";
import { DiskStore } from "./disk-store.ts";
import { proveHolding } from "./prove-holding.ts";

test("what is kept as it was verified stays, one wrong bit of it lets all of it go, and what comes in is left alone", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-prove-"));
  t.after(() => rm(dataDir, { recursive: true }));
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  t.after(() => store.close());
  const version = versionOf("coming", 300_000);
  const coming = await store.create(version);
  await writePiece(coming, contentOf(version, 300_000), 0);
  const kept = await fill(store, "kept", 300_000);
  assert.equal(await proveHolding(store, kept), true);
  assert.equal(store.find(kept.version.id), kept);
  await flip(coming.file);
  await flip(kept.file);
  assert.equal(await proveHolding(store, coming), true);
  assert.equal(await proveHolding(store, kept), false);
  assert.deepEqual([...store.all()], [coming]);
});

async function flip(path = ""): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 1000);
  await file.write(Buffer.from([byte.readUInt8(0) ^ 1]), 0, 1, 1000);
  await file.close();
}
