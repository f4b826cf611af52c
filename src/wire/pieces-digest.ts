// One digest that stands for all pieces of a version: SHA-256 over their own digests, in order. By it two programs compare what they have
// without the content's own digest, which nobody knows who has its pieces out of order.

import { createHash } from "node:crypto";
import type { PieceIndex } from "../core/ids.ts";

/** 64 hexadecimal digits; undefined where the digest of a piece is not known. */
export function piecesDigest(
  pieces: number,
  digestOf: (piece: PieceIndex) => Uint8Array | undefined,
): string | undefined {
  const hash = createHash("sha256");
  for (let piece = 0; piece < pieces; piece++) {
    const digest = digestOf(piece);
    if (digest === undefined) return undefined;
    hash.update(digest);
  }
  return hash.digest("hex");
}
