// Reads a version from its origin on this host's own account: where no supernode is configured, or when none is left and no neighbour can
// help. Pieces whose digests the manifest names are checked against it.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import { RateMeter } from "../core/rate-meter.ts";
import type { RateGate } from "../net/rate-gate.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { OriginReader, type OriginReadResult } from "../origin/origin-reader.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { Driver, Transfer } from "./transfer.ts";

export interface OriginDownloadOptions {
  readonly transfer: Transfer;
  readonly origin: Origin;
  readonly request: OriginRequest;
  readonly opened: Extract<Opened, { kind: "content" }>;
  readonly slabs: SlabPool;
  /** The host's limit on receiving. */
  readonly gate: RateGate;
  readonly manifest?: Manifest;
  readonly onPiece?: (piece: PieceIndex) => void;
}

export class OriginDownload implements Driver {
  readonly #options: OriginDownloadOptions;
  readonly #abort = new AbortController();
  readonly #meter = new RateMeter(performance.now());

  constructor(options: OriginDownloadOptions) {
    this.#options = options;
  }

  get rateBytesPerSecond(): number {
    return this.#meter.bytesPerSecond;
  }

  /** Resolves when every piece is in the holding. */
  run(): Promise<OriginReadResult> {
    const { transfer, origin, request, opened, slabs, gate } = this.#options;
    const { holding } = transfer;
    const reader = new OriginReader({
      origin,
      request,
      opened,
      pieceLength: holding.version.pieceLength,
      held: holding.held,
      gate,
      acquire: (signal) => slabs.acquireWhenFree(holding.version.pieceLength, signal),
      sink: (piece, bytes) => this.#keep(piece, bytes),
      readBack: (piece, into) => holding.read(piece, into),
      onBytes: (bytes) => this.#meter.add(bytes, performance.now()),
      signal: this.#abort.signal,
    });
    return reader.read();
  }

  stop(): void {
    this.#abort.abort(new DragonflyError("interrupted", "the download was stopped"));
  }

  /** The origin is read from the front anyway. */
  readAt(): void {}

  async #keep(piece: PieceIndex, bytes: Uint8Array): Promise<void> {
    const { transfer, manifest, onPiece } = this.#options;
    const digest = createHash("sha256").update(bytes).digest();
    const expected = manifest?.digestOf(piece);
    if (expected !== undefined && !digest.equals(expected)) {
      throw new DragonflyError("origin-changed", `the origin's content is not what the swarm is downloading any more`);
    }
    if (transfer.holding.held.has(piece)) return;
    await transfer.holding.write(piece, bytes, digest);
    transfer.gained("origin", bytes.length);
    onPiece?.(piece);
  }
}
