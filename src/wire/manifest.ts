// A version's piece digests, signed by the cluster's key as they become known. A digest without a valid signature is no digest.

import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";

const DIGEST = 32;

/** The digests of consecutive pieces; the binary parts are base64. */
export interface ManifestBatch {
  readonly from: PieceIndex;
  readonly digests: string;
  readonly signature: string;
}

/** The end of a manifest: how long the content is and, where the seed read it in whole, its SHA-256 in hexadecimal. */
export interface ManifestSeal {
  readonly length: number;
  readonly digest: string | null;
  readonly signature: string;
}

export interface ManifestPart {
  readonly batches: ManifestBatch[];
  readonly seal?: ManifestSeal | undefined;
}

/** The digests known so far, on either side. */
export class Manifest {
  readonly version: VersionId;
  readonly pieceLength: number;
  readonly known = new Bitset();
  #digests = Buffer.alloc(DIGEST * 512);
  #end: { readonly length: number; readonly digest: string | null } | undefined;

  constructor(version: VersionId, pieceLength: number) {
    this.version = version;
    this.pieceLength = pieceLength;
  }

  get end(): { readonly length: number; readonly digest: string | null } | undefined {
    return this.#end;
  }

  /** 32 bytes, or undefined while the manifest does not name it. */
  digestOf(piece: PieceIndex): Uint8Array | undefined {
    return this.known.has(piece) ? this.#digests.subarray(piece * DIGEST, (piece + 1) * DIGEST) : undefined;
  }

  set(piece: PieceIndex, digest: Uint8Array): void {
    const end = (piece + 1) * DIGEST;
    if (end > this.#digests.length) {
      const grown = Buffer.alloc(Math.max(end, this.#digests.length * 2));
      this.#digests.copy(grown);
      this.#digests = grown;
    }
    this.#digests.set(digest, piece * DIGEST);
    this.known.add(piece);
  }

  close(length: number, digest: string | null): void {
    this.#end = { length, digest };
  }

  /** Signs the digests of [from, to), which must be known. */
  signBatch(from: PieceIndex, to: PieceIndex, key: KeyObject): ManifestBatch {
    const digests = this.#digests.subarray(from * DIGEST, to * DIGEST);
    const signature = sign(null, this.#batchBytes(from, digests), key).toString("base64");
    return { from, digests: digests.toString("base64"), signature };
  }

  /** All that is known, in as few batches as it allows. */
  signKnown(key: KeyObject): ManifestBatch[] {
    const batches: ManifestBatch[] = [];
    let from = -1;
    let to = -1;
    for (const piece of this.known) {
      if (piece !== to) {
        if (from >= 0) batches.push(this.signBatch(from, to, key));
        from = piece;
      }
      to = piece + 1;
    }
    if (from >= 0) batches.push(this.signBatch(from, to, key));
    return batches;
  }

  signSeal(key: KeyObject): ManifestSeal | undefined {
    if (this.#end === undefined) return undefined;
    const { length, digest } = this.#end;
    return { length, digest, signature: sign(null, this.#sealBytes(length, digest), key).toString("base64") };
  }

  /** Takes a batch after checking its signature; returns the range it names. Errors: `protocol-violation`. */
  accept(batch: ManifestBatch, key: KeyObject): { readonly from: PieceIndex; readonly to: PieceIndex } {
    const digests = Buffer.from(batch.digests, "base64");
    if (digests.length === 0 || digests.length % DIGEST !== 0 || !Number.isSafeInteger(batch.from) || batch.from < 0) {
      throw new DragonflyError("protocol-violation", "a manifest batch is malformed");
    }
    if (!verify(null, this.#batchBytes(batch.from, digests), key, Buffer.from(batch.signature, "base64"))) {
      throw new DragonflyError("protocol-violation", "a manifest batch does not carry the cluster's signature");
    }
    const to = batch.from + digests.length / DIGEST;
    for (let piece = batch.from; piece < to; piece++) {
      const at = (piece - batch.from) * DIGEST;
      this.set(piece, digests.subarray(at, at + DIGEST));
    }
    return { from: batch.from, to };
  }

  acceptSeal(seal: ManifestSeal, key: KeyObject): void {
    if (!verify(null, this.#sealBytes(seal.length, seal.digest), key, Buffer.from(seal.signature, "base64"))) {
      throw new DragonflyError("protocol-violation", "a manifest's end does not carry the cluster's signature");
    }
    this.close(seal.length, seal.digest);
  }

  /** What is signed is short whatever the batch: a label, the version, the geometry and the digest of the digests. */
  #batchBytes(from: PieceIndex, digests: Uint8Array): Buffer {
    const sum = createHash("sha256").update(digests).digest("hex");
    return Buffer.from(`dragonfly manifest batch 1\n${this.version}\n${this.pieceLength}\n${from}\n${sum}\n`);
  }

  #sealBytes(length: number, digest: string | null): Buffer {
    return Buffer.from(`dragonfly manifest seal 1\n${this.version}\n${this.pieceLength}\n${length}\n${digest ?? ""}\n`);
  }
}
