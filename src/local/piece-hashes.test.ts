import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { piecesDigest } from "../wire/pieces-digest.ts";
import { PieceHashes } from "./piece-hashes.ts";

const pieceLength = 16;

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

test("pieces in any order and in chunks of any size give the digest of all, and another with one bit changed", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      cuts,
      fc.nat(),
      fc.boolean(),
      (content, sizes, flip, last) => {
        const pieces = Math.ceil(content.length / pieceLength);
        const expected = piecesDigest(pieces, (piece) =>
          sha256(content.subarray(piece * pieceLength, (piece + 1) * pieceLength)),
        );
        const half = Math.floor(pieces / 2) * pieceLength;
        const runs = [[0, half] as const, [half, content.length] as const];
        const hashed = (bytes: Uint8Array): string | undefined => {
          const hashes = new PieceHashes(pieceLength);
          for (const [from, to] of last ? runs.toReversed() : runs) {
            for (let at = from, nth = 0; at < to; nth++) {
              const end = Math.min(to, at + (sizes[nth % sizes.length] ?? 1));
              hashes.add(bytes.subarray(at, end), at);
              at = end;
            }
            hashes.end(to);
          }
          return hashes.all;
        };
        assert.equal(hashed(content), expected);
        const altered = Uint8Array.from(content);
        const at = flip % altered.length;
        altered[at] = (altered[at] ?? 0) ^ 1;
        assert.notEqual(hashed(altered), expected);
      },
    ),
  );
});

test("a piece that is missing leaves nothing to compare", () => {
  const hashes = new PieceHashes(pieceLength);
  hashes.add(new Uint8Array(pieceLength), pieceLength);
  assert.equal(hashes.all, undefined);
});
