import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { SlabPool } from "../net/slab-pool.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { hostId, versionId } from "../testing/piece-rig.ts";
import { testContent } from "../testing/test-origin.ts";
import { Manifest } from "../wire/manifest.ts";
import { PieceIntake } from "./piece-intake.ts";
import { Transfer } from "./transfer.ts";

const piece = testContent(300);
const partner = { id: hostId, seed: false };

async function intake() {
  const store = new MemoryStore({ quotaBytes: 0 });
  const version = { id: versionId(1), taskId: "t", url: "http://h/", length: piece.length, pieceLength: 65_536 };
  const holding = await store.create(version as Parameters<MemoryStore["create"]>[0]);
  const manifest = new Manifest(version.id, version.pieceLength);
  manifest.set(0, createHash("sha256").update(piece).digest());
  const slabs = new SlabPool();
  const taken = new PieceIntake(new Transfer(holding), manifest);
  const take = (bytes: Uint8Array) => {
    const slab = slabs.acquire(bytes.length);
    assert.ok(slab !== undefined);
    slab.bytes.set(bytes);
    return taken.take(0, slab, partner);
  };
  return { holding, slabs, taken, take };
}

test("a piece altered in any byte is corrupt, whichever bit it is, and nothing of it is kept", async () => {
  const { holding, slabs, taken, take } = await intake();
  for (let at = 0; at < piece.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const altered = Uint8Array.from(piece);
      altered[at] = (altered[at] ?? 0) ^ (1 << bit);
      assert.equal(take(altered), "corrupt", `byte ${at}, bit ${bit}`);
    }
  }
  for (const other of [piece.subarray(1), piece.subarray(0, -1), Buffer.concat([piece, Buffer.alloc(1)])]) {
    assert.equal(take(other), "corrupt", `${other.length} bytes`);
  }
  assert.deepEqual([holding.held.count, slabs.lentBytes], [0, 0]);
  assert.equal(take(piece), "verified");
  await taken.written();
  assert.equal(holding.held.count, 1);
});
