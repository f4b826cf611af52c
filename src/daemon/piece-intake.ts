// What becomes of a piece that a neighbour sent: hashed, compared with what is signed, written.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import { pieceName } from "../net/piece-upload.ts";
import type { Slab } from "../net/slab-pool.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { Partner } from "./partners.ts";
import type { Transfer } from "./transfer.ts";
import { Witnesses } from "./witnesses.ts";

export class PieceIntake {
  readonly #transfer: Transfer;
  readonly #manifest: Manifest;
  readonly #witnesses = new Witnesses();
  readonly #writes = new Set<Promise<void>>();

  constructor(transfer: Transfer, manifest: Manifest) {
    this.#transfer = transfer;
    this.#manifest = manifest;
  }

  /** Pieces that are verified and not on disk yet. */
  get writing(): number {
    return this.#writes.size;
  }

  /** The slab is the intake's from here on. A disk that refuses fails the transfer. */
  take(piece: PieceIndex, slab: Slab, { id, seed }: Pick<Partner, "id" | "seed">): "verified" | "vouched" | "corrupt" {
    const digest = createHash("sha256").update(slab.bytes).digest();
    const expected = this.#manifest.digestOf(piece);
    // It was asked for because no supernode is left to sign it.
    const unsigned = expected === undefined && !seed;
    if (unsigned ? !this.#witnesses.confirm(piece, digest, id) : expected === undefined || !digest.equals(expected)) {
      slab.release();
      return unsigned ? "vouched" : "corrupt";
    }
    this.#transfer.gained(seed ? "supernode" : "peers", slab.bytes.length, id);
    const write = this.#transfer.holding.write(piece, slab.bytes, digest).then(
      () => slab.keep(pieceName(this.#transfer.holding.version.id, piece)),
      (error: unknown) => {
        slab.release();
        this.#transfer.fail(DragonflyError.from(error));
      },
    );
    this.#writes.add(write);
    void write.then(() => this.#writes.delete(write));
    return "verified";
  }

  /** What is held of [from, to) may have come unsigned, or from an earlier run. Throws `origin-changed` when it is not what is signed now. */
  check(from: PieceIndex, to: PieceIndex): void {
    const { holding } = this.#transfer;
    for (let piece = from; piece < to; piece++) {
      const signed = this.#manifest.digestOf(piece);
      const held = holding.held.has(piece) ? holding.pieceDigest(piece) : undefined;
      if (held === undefined || signed === undefined || Buffer.compare(held, signed) === 0) continue;
      throw new DragonflyError("origin-changed", "what this host holds is not what the supernode signed");
    }
  }

  /** Resolves when what was taken is written. */
  async written(): Promise<void> {
    await Promise.all(this.#writes);
  }
}
