// Reads a version from its origin on this host's own account: where no supernode is configured, or when none is left and no neighbour can
// help. Pieces whose digests the manifest names are checked against it.

import { createHash } from "node:crypto";
import type { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { OriginPart } from "../core/origin-turns.ts";
import { RateMeter } from "../core/rate-meter.ts";
import { countPieces } from "../core/version.ts";
import type { RateGate } from "../net/rate-gate.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { OriginReader, type OriginReadResult } from "../origin/origin-reader.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { Sight } from "./download-watch.ts";
import type { Driver, Transfer } from "./transfer.ts";

export interface OriginDownloadOptions {
  readonly transfer: Transfer;
  readonly origin: Origin;
  readonly request: OriginRequest;
  /** With its body, or without where it is not to be read from its first byte. */
  readonly opened: Pick<Extract<Opened, { kind: "content" }>, "info"> & Partial<Extract<Opened, { kind: "content" }>>;
  /** Only these pieces; absent is all. */
  readonly part?: OriginPart | undefined;
  readonly slabs: SlabPool;
  /** The host's limit on receiving. */
  readonly gate: RateGate;
  readonly manifest?: Manifest;
  readonly onPiece?: (piece: PieceIndex) => void;
}

/** Of the reader's buffers, so many that wait for the disk say that it is behind. */
const manyWrites = 5;
/** So many pieces from where somebody reads are read out of turn. */
const firstPieces = 96;

export class OriginDownload implements Driver {
  readonly #options: OriginDownloadOptions;
  readonly #abort = new AbortController();
  readonly #meter = new RateMeter(performance.now());
  #writing = 0;
  #reader: OriginReader | undefined;

  constructor(options: OriginDownloadOptions) {
    this.#options = options;
  }

  get rateBytesPerSecond(): number {
    return this.#meter.bytesPerSecond;
  }

  sight(): Sight {
    return {
      moment: {
        atOrigin: true,
        sealed: false,
        open: 0,
        limited: this.#options.gate.waiting > 0,
        slotFree: false,
        askedOfPeers: 0,
        askedOfSeed: 0,
        sources: 1,
        neighbours: 0,
        useful: 0,
        seedUp: false,
      },
      diskBehind: this.#writing >= manyWrites,
      arrivingBytes: 0,
      supernode: "none",
      isolated: false,
    };
  }

  /** Resolves when every piece is in the holding. */
  async run(): Promise<OriginReadResult> {
    const { transfer, origin, request, opened, slabs, gate } = this.#options;
    const { holding } = transfer;
    const passed = this.#passedOver();
    const forget = holding.onGained((piece) => passed.add(piece));
    this.#reader = new OriginReader({
      origin,
      request,
      opened,
      pieceLength: holding.version.pieceLength,
      held: passed,
      gate,
      acquire: (signal) => slabs.acquireWhenFree(holding.version.pieceLength, signal),
      sink: (piece, bytes) => this.#keep(piece, bytes),
      readBack: (piece, into) => holding.read(piece, into),
      onBytes: (bytes) => this.#meter.add(bytes, performance.now()),
      signal: this.#abort.signal,
    });
    return this.#reader.read().finally(forget);
  }

  /** What is not to be read: what is held, and what is no part of it. */
  #passedOver(): Bitset {
    const { transfer, opened, part } = this.#options;
    const { held, version } = transfer.holding;
    const passed = held.copy();
    if (part === undefined || opened.info.length === null) return passed;
    const count = countPieces(opened.info.length, version.pieceLength);
    passed.addRange(0, part.from);
    passed.addRange(part.to ?? count, count);
    return passed;
  }

  stop(): void {
    this.#abort.abort(new DragonflyError("interrupted", "the download was stopped"));
  }

  readAt(offset: number | undefined, last = Number.POSITIVE_INFINITY): void {
    const { pieceLength } = this.#options.transfer.holding.version;
    if (offset === undefined) return;
    const from = Math.floor(offset / pieceLength);
    this.#reader?.readFirst(from, Math.min(from + firstPieces, Math.floor(last / pieceLength) + 1));
  }

  async #keep(piece: PieceIndex, bytes: Uint8Array): Promise<void> {
    const { transfer, manifest, onPiece } = this.#options;
    const digest = createHash("sha256").update(bytes).digest();
    const expected = manifest?.digestOf(piece);
    if (expected !== undefined && !digest.equals(expected)) {
      throw new DragonflyError("origin-changed", `the origin's content is not what the swarm is downloading any more`);
    }
    if (transfer.holding.held.has(piece)) return;
    this.#writing++;
    await transfer.holding.write(piece, bytes, digest).finally(() => this.#writing--);
    transfer.gained("origin", bytes.length);
    onPiece?.(piece);
  }
}
