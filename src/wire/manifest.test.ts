import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "../core/bitset.ts";
import type { VersionId } from "../core/ids.ts";
import { Manifest, type ManifestBatch, type ManifestSeal } from "./manifest.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const version = "a".repeat(64) as VersionId;
const digestOf = (piece: number) => createHash("sha256").update(`piece ${piece}`).digest();

function author(...pieces: readonly number[]): Manifest {
  const manifest = new Manifest(version, 65_536);
  for (const piece of pieces) manifest.set(piece, digestOf(piece));
  return manifest;
}

function batchOf(...pieces: readonly number[]): ManifestBatch {
  const manifest = author(...pieces);
  const batch = manifest.signBatch(manifest.known, privateKey);
  assert.ok(batch);
  return batch;
}

test("what one side signs the other side knows", () => {
  const reader = new Manifest(version, 65_536);
  reader.accept(batchOf(0, 1, 2, 7, 9, 10), publicKey);
  assert.deepEqual([...reader.known], [0, 1, 2, 7, 9, 10]);
  assert.deepEqual(Buffer.from(reader.digestOf(7) ?? []), digestOf(7));
  assert.equal(reader.digestOf(3), undefined);
});

test("however many runs there are, one signature is made", () => {
  const { runs, digests } = batchOf(0, 1, 2, 7, 9, 10);
  assert.deepEqual(runs, [
    [0, 3],
    [7, 8],
    [9, 11],
  ]);
  assert.equal(Buffer.from(digests, "base64").length, 6 * 32);
  assert.equal(author().signBatch(new Bitset(), privateKey), undefined);
});

test("the end of a manifest is signed too", () => {
  const manifest = author(0);
  manifest.close(1000, "b".repeat(64));
  const reader = new Manifest(version, 65_536);
  const seal = manifest.signSeal(privateKey);
  assert.ok(seal);
  reader.acceptSeal(seal, publicKey);
  assert.deepEqual(reader.end, { length: 1000, digest: "b".repeat(64) });
  assert.throws(() => new Manifest(version, 65_536).acceptSeal({ ...seal, length: 1001 }, publicKey), {
    code: "protocol-violation",
  });
});

test("a batch that was altered anywhere, or is of another version or geometry, is refused", () => {
  const batch = batchOf(3, 4, 8);
  const altered: ManifestBatch[] = [
    {
      ...batch,
      runs: [
        [2, 4],
        [8, 9],
      ],
    },
    {
      ...batch,
      runs: [
        [3, 4],
        [7, 9],
      ],
    },
    { ...batch, runs: [[3, 6]] },
    { ...batch, runs: [] },
    { ...batch, digests: flip(batch.digests) },
    { ...batch, signature: flip(batch.signature) },
    { ...batch, digests: batch.digests.slice(0, 44) },
    { ...batch, digests: "" },
    {
      ...batch,
      runs: [
        [4, 3],
        [5, 9],
      ],
    },
    { ...batch, runs: [[-3, 0]] },
  ];
  for (const one of altered) {
    const reader = new Manifest(version, 65_536);
    assert.throws(() => reader.accept(one, publicKey), { code: "protocol-violation" });
    assert.equal(reader.known.count, 0);
  }
  for (const reader of [new Manifest(version, 131_072), new Manifest("b".repeat(64) as VersionId, 65_536)]) {
    assert.throws(() => reader.accept(batch, publicKey), { code: "protocol-violation" });
  }
});

test("garbage is refused and nothing else", () => {
  const batch = fc.record({
    runs: fc.array(fc.tuple(fc.integer(), fc.integer())),
    digests: fc.base64String(),
    signature: fc.base64String(),
  });
  const seal = fc.record({ length: fc.nat(), digest: fc.constant(null), signature: fc.string() });
  fc.assert(
    fc.property(batch, seal, (someBatch: ManifestBatch, someSeal: ManifestSeal) => {
      const reader = new Manifest(version, 65_536);
      assert.throws(() => reader.accept(someBatch, publicKey), { code: "protocol-violation" });
      assert.throws(() => reader.acceptSeal(someSeal, publicKey), { code: "protocol-violation" });
    }),
  );
});

function flip(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return bytes.toString("base64");
}
