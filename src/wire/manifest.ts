// A version's piece digests, signed by the cluster's key as they become known. A digest without a valid signature is no digest.

import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";

const DIGEST = 32;

/** Half-open: [from, to). */
export type PieceRun = [from: PieceIndex, to: PieceIndex];

/** The digests of the pieces in `runs`, in that order; the binary parts are base64. One signature, however many runs. */
export interface ManifestBatch {
  readonly runs: PieceRun[];
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
  readonly batch?: ManifestBatch | undefined;
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

  /** Signs the digests of these pieces, which must be known; undefined when there are none. */
  signBatch(pieces: Bitset, key: KeyObject): ManifestBatch | undefined {
    const runs = runsOf(pieces);
    if (runs.length === 0) return undefined;
    const digests = Buffer.concat(runs.map(([from, to]) => this.#digests.subarray(from * DIGEST, to * DIGEST)));
    const signature = sign(null, this.#batchBytes(runs, digests), key).toString("base64");
    return { runs, digests: digests.toString("base64"), signature };
  }

  signSeal(key: KeyObject): ManifestSeal | undefined {
    if (this.#end === undefined) return undefined;
    const { length, digest } = this.#end;
    return { length, digest, signature: sign(null, this.#sealBytes(length, digest), key).toString("base64") };
  }

  /**
   * Takes a batch after checking its signature; returns whether it named a piece that was not known. Errors: `protocol-violation`, and
   * `origin-changed` when it contradicts what is known: then two supernodes have read two contents.
   */
  accept({ runs, digests: text, signature }: ManifestBatch, key: KeyObject): boolean {
    const digests = Buffer.from(text, "base64");
    const pieces = countOf(runs);
    if (pieces === 0 || digests.length !== pieces * DIGEST) {
      throw new DragonflyError("protocol-violation", "a manifest batch is malformed");
    }
    if (!verify(null, this.#batchBytes(runs, digests), key, Buffer.from(signature, "base64"))) {
      throw new DragonflyError("protocol-violation", "a manifest batch does not carry the cluster's signature");
    }
    const before = this.known.count;
    for (const [piece, digest] of each(runs, digests)) {
      const known = this.digestOf(piece);
      if (known === undefined || known.every((byte, at) => byte === digest[at])) continue;
      throw new DragonflyError("origin-changed", "the content is not what another supernode read of it");
    }
    for (const [piece, digest] of each(runs, digests)) this.set(piece, digest);
    return this.known.count > before;
  }

  /** Errors: `protocol-violation`. */
  acceptSeal(seal: ManifestSeal, key: KeyObject): void {
    this.checkSeal(seal, key);
    this.close(seal.length, seal.digest);
  }

  /** Errors: `protocol-violation`. */
  checkSeal(seal: ManifestSeal, key: KeyObject): void {
    if (!verify(null, this.#sealBytes(seal.length, seal.digest), key, Buffer.from(seal.signature, "base64"))) {
      throw new DragonflyError("protocol-violation", "a manifest's end does not carry the cluster's signature");
    }
  }

  /** What is signed is short whatever the batch: a label, the version, the geometry, the places and the digest of the digests. */
  #batchBytes(runs: readonly PieceRun[], digests: Uint8Array): Buffer {
    const sum = createHash("sha256").update(digests).digest("hex");
    const places = runs.map(([from, to]) => `${from}-${to}`).join(",");
    return Buffer.from(`dragonfly manifest batch 1\n${this.version}\n${this.pieceLength}\n${places}\n${sum}\n`);
  }

  #sealBytes(length: number, digest: string | null): Buffer {
    return Buffer.from(`dragonfly manifest seal 1\n${this.version}\n${this.pieceLength}\n${length}\n${digest ?? ""}\n`);
  }
}

function* each(runs: readonly PieceRun[], digests: Uint8Array): Iterable<[PieceIndex, Uint8Array]> {
  let at = 0;
  for (const [from, to] of runs) {
    for (let piece = from; piece < to; piece++, at += DIGEST) yield [piece, digests.subarray(at, at + DIGEST)];
  }
}

export function runsOf(pieces: Iterable<PieceIndex>): PieceRun[] {
  const runs: PieceRun[] = [];
  for (const piece of pieces) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[1] === piece) last[1] = piece + 1;
    else runs.push([piece, piece + 1]);
  }
  return runs;
}

/** Pieces in all; 0 when a run is none. */
function countOf(runs: readonly PieceRun[]): number {
  let count = 0;
  for (const [from, to] of runs) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to <= from) return 0;
    count += to - from;
  }
  return count;
}
