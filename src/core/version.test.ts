import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePieceLength, maxPieceLength, minPieceLength } from "./version.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

test("pieces grow as the root of the file, by powers of two, within their limits", () => {
  const chosen = [0, MIB, 4 * MIB, 10 * MIB, 25 * MIB, 50 * MIB, 200 * MIB, GIB, 4 * GIB, 8 * GIB, 1000 * GIB].map(
    choosePieceLength,
  );
  assert.deepEqual(
    chosen.map((bytes) => bytes / KIB),
    [64, 64, 64, 128, 256, 256, 512, 1024, 2048, 4096, 4096],
  );
  assert.deepEqual([chosen[0], chosen.at(-1)], [minPieceLength, maxPieceLength]);
  assert.equal(choosePieceLength(null), 512 * KIB);
});
