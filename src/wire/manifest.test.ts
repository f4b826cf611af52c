import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { VersionId } from "../core/ids.ts";
import { parseFromSupernode } from "./control.ts";
import { Manifest, type ManifestBatch, type ManifestPart, type ManifestSeal } from "./manifest.ts";

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

test("a signed part altered in any byte is refused, and nothing of it is learned", () => {
  const manifest = author(0, 1, 5);
  manifest.close(6 * 65_536, "b".repeat(64));
  const part = { batch: manifest.signBatch(manifest.known, privateKey), seal: manifest.signSeal(privateKey) };
  assert.ok(part.batch !== undefined && part.seal !== undefined);
  for (const [name, bytes] of [
    ["digests", Buffer.from(part.batch.digests, "base64")],
    ["signature", Buffer.from(part.batch.signature, "base64")],
  ] as const) {
    for (const altered of flips(bytes)) {
      const reader = new Manifest(version, 65_536);
      const batch = { ...part.batch, [name]: altered.toString("base64") };
      assert.throws(() => reader.accept(batch, publicKey), { code: "protocol-violation" }, name);
      assert.equal(reader.known.count, 0);
    }
  }
  for (const altered of flips(Buffer.from(part.seal.signature, "base64"))) {
    const seal = { ...part.seal, signature: altered.toString("base64") };
    assert.throws(() => new Manifest(version, 65_536).acceptSeal(seal, publicKey), { code: "protocol-violation" });
  }
});

test("a message altered in any byte teaches nothing that was not signed", () => {
  const whole = author(0, 1, 5);
  whole.close(6 * 65_536, "b".repeat(64));
  const part = { batch: whole.signBatch(whole.known, privateKey), seal: whole.signSeal(privateKey) };
  const text = Buffer.from(JSON.stringify({ type: "manifest", version, manifest: part }));
  const outcomes = { refused: 0, "for nobody": 0, "not altered": 0 };
  for (const altered of flips(text)) outcomes[outcomeOf(altered.toString("utf8"), part)]++;
  // What is left is the version's own name, names that mean nothing then, and bits of base64 that stand for nothing.
  assert.ok(outcomes["for nobody"] + outcomes["not altered"] < 8 * 110, JSON.stringify(outcomes));
  assert.ok(outcomes.refused > 8 * 500, JSON.stringify(outcomes));
});

function outcomeOf(text: string, part: ManifestPart): "refused" | "for nobody" | "not altered" {
  const reader = new Manifest(version, 65_536);
  try {
    const message = parseFromSupernode(text, (sealed) => sealed);
    if (message.type !== "manifest" || message.version !== version) return "for nobody";
    const { batch, seal } = message.manifest;
    if (batch !== undefined) reader.accept(batch, publicKey);
    if (seal !== undefined) reader.acceptSeal(seal, publicKey);
    if (batch === undefined || seal === undefined) return "for nobody";
    assert.equal(Buffer.from(batch.digests, "base64").toString("base64"), part.batch?.digests);
    assert.deepEqual([batch.runs, seal.length, seal.digest], [part.batch?.runs, part.seal?.length, part.seal?.digest]);
    return "not altered";
  } catch (error) {
    if (!(error instanceof DragonflyError)) throw error;
    assert.equal(error.code, "protocol-violation");
    return "refused";
  }
}

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

/** Each bit of each byte the other way, one at a time. */
function* flips(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length * 8; at++) {
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
    yield altered;
  }
}

function flip(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return bytes.toString("base64");
}
