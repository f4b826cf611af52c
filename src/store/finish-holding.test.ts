import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Digest } from "../core/ids.ts";
import { countPieces } from "../core/version.ts";
import { contentOf, versionOf, withCode, writePiece } from "../testing/store-contract.ts";
import { finishHolding } from "./finish-holding.ts";
import { MemoryStore } from "./memory-store.ts";

const length = 300_000;
const version = versionOf("named", length);
const content = contentOf(version, length);
const sha256 = createHash("sha256").update(content).digest("hex");

async function filled(digest: Digest | undefined) {
  const store = new MemoryStore({ quotaBytes: 0, now: () => 0 });
  const holding = await store.create({ ...version, ...(digest === undefined ? {} : { digest }) });
  for (let index = 0; index < countPieces(length, version.pieceLength); index++)
    await writePiece(holding, content, index);
  return { store, holding };
}

test("what has the digest that names it is complete, whether somebody knows its digest or not", async () => {
  for (const known of [sha256, undefined]) {
    const { store, holding } = await filled(`sha256:${sha256}`);
    await finishHolding(store, holding, { length, sha256: known });
    assert.deepEqual([holding.state, holding.digest], ["complete", sha256]);
  }
});

test("what has another digest is removed and never complete", async () => {
  const other = "0".repeat(64);
  for (const [named, known] of [
    [other, undefined],
    [other, sha256],
    [sha256, other],
  ] as const) {
    const { store, holding } = await filled(`sha256:${named}`);
    await assert.rejects(finishHolding(store, holding, { length, sha256: known }), withCode("digest-mismatch"));
    assert.equal(holding.state, "partial");
    assert.equal(store.find(version.id), undefined);
  }
});

test("what no digest names is taken as it is", async () => {
  const { store, holding } = await filled(undefined);
  await finishHolding(store, holding, { length, sha256: undefined });
  assert.deepEqual([holding.state, holding.digest], ["complete", undefined]);
});
