// The digests of pieces as they are copied, to compare what was written with what was verified.

import { createHash, type Hash } from "node:crypto";
import type { PieceIndex } from "../core/ids.ts";
import { piecesDigest } from "../wire/pieces-digest.ts";

export class PieceHashes {
  readonly #pieceLength: number;
  readonly #digests = new Map<PieceIndex, Uint8Array>();
  #hash: Hash | undefined;

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength;
  }

  /** Bytes of whole pieces come in order, from the beginning of one to the `end` of one. */
  add(bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length; ) {
      const left = this.#pieceLength - ((position + at) % this.#pieceLength);
      const until = Math.min(at + left, bytes.length);
      this.#hash ??= createHash("sha256");
      this.#hash.update(bytes.subarray(at, until));
      if (until - at === left) this.end(position + until);
      at = until;
    }
  }

  /** A piece ends here, if one has begun: the last of the content may be shorter than the others. */
  end(position: number): void {
    if (this.#hash === undefined) return;
    this.#digests.set(Math.ceil(position / this.#pieceLength) - 1, this.#hash.digest());
    this.#hash = undefined;
  }

  /** Of all pieces together; undefined where one of them is missing. */
  get all(): string | undefined {
    return piecesDigest(this.#digests.size, (piece) => this.#digests.get(piece));
  }
}
