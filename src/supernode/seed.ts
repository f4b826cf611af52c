// The supernode's own part in one version: the only one that reads the origin. It offers each piece as it lands, to whoever takes any piece
// the one that it has sent least.

import { createHash } from "node:crypto";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { Giving } from "../core/giving.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { Telling } from "../core/telling.ts";
import type { Servable } from "../net/piece-server.ts";
import type { RateGate } from "../net/rate-gate.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { OriginReader } from "../origin/origin-reader.ts";
import { finishHolding } from "../store/finish-holding.ts";
import type { Holding, Store } from "../store/store.ts";
import { Manifest, type ManifestPart } from "../wire/manifest.ts";
import type { ClusterKey } from "./cluster-key.ts";

export type SeedState = "idle" | "reading" | "complete" | "failed";

export interface SeedOptions {
  readonly holding: Holding;
  readonly store: Store;
  readonly key: ClusterKey;
  readonly random: Random;
  readonly slabs: SlabPool;
  readonly origin: Origin;
  /** The supernode's limit on reading from origins. */
  readonly gate: RateGate;
  /** Told of each growth of the manifest. */
  readonly onManifest: (part: ManifestPart) => void;
  readonly onOriginBytes: (bytes: number) => void;
}

export class Seed implements Servable {
  readonly holding: Holding;
  readonly manifest: Manifest;
  readonly giving: Giving;
  readonly #options: SeedOptions;
  readonly #abort = new AbortController();
  #state: SeedState;
  readonly #untold = new Bitset();
  #tellTimer: NodeJS.Timeout | undefined;
  readonly #telling = new Telling();
  /** Signed once for all who register until the manifest grows. */
  #snapshot: ManifestPart | undefined;
  #originBytes = 0;
  #finished: Promise<void> = Promise.resolve();

  constructor(options: SeedOptions) {
    const { holding } = options;
    this.#options = options;
    this.holding = holding;
    this.giving = new Giving(options.random);
    this.manifest = new Manifest(holding.version.id, holding.version.pieceLength);
    for (const piece of holding.held) {
      const digest = holding.pieceDigest(piece);
      if (digest !== undefined) this.manifest.set(piece, digest);
    }
    this.#state = holding.state === "complete" ? "complete" : "idle";
    if (this.#state === "complete") this.manifest.close(holding.version.length ?? 0, holding.digest ?? null);
  }

  get version() {
    return this.holding.version;
  }

  get state(): SeedState {
    return this.#state;
  }

  /** Bytes read from the origin for this version by this process. */
  get originBytes(): number {
    return this.#originBytes;
  }

  /** How the read ends or ended; at once where there was nothing to read. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  /** Reads what is missing from the origin; resolves when the manifest is sealed. Rejects with the origin's fault. */
  run(opened: Extract<Opened, { kind: "content" }>, request: OriginRequest): Promise<void> {
    this.#finished = this.#read(opened, request);
    return this.#finished;
  }

  async #read(opened: Extract<Opened, { kind: "content" }>, request: OriginRequest): Promise<void> {
    const { holding, store, slabs, origin, gate } = this.#options;
    const release = holding.acquire();
    this.#state = "reading";
    try {
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
        onBytes: (bytes) => {
          this.#originBytes += bytes;
          this.#options.onOriginBytes(bytes);
        },
        signal: this.#abort.signal,
      });
      const result = await reader.read();
      await finishHolding(store, holding, result);
      this.manifest.close(result.length, holding.digest ?? null);
      this.#snapshot = undefined;
      this.#state = "complete";
      this.#tell();
    } catch (error) {
      this.#state = "failed";
      throw DragonflyError.from(error);
    } finally {
      release();
    }
  }

  /** The manifest so far, signed. */
  snapshot(): ManifestPart {
    this.#snapshot ??= this.#sign(this.manifest.known);
    return this.#snapshot;
  }

  close(reason = "the supernode is stopping"): void {
    clearTimeout(this.#tellTimer);
    this.#abort.abort(new DragonflyError("interrupted", reason));
  }

  // --- what the piece server asks

  get held() {
    return this.holding.held;
  }

  /** Its bits are in the manifest: a bitmap would say the same again. */
  readonly complete = true;

  read(piece: PieceIndex, into: Uint8Array): Promise<number> {
    return this.holding.read(piece, into);
  }

  onGained(): () => void {
    return () => {};
  }

  // --- the manifest's growth

  async #keep(piece: PieceIndex, bytes: Uint8Array): Promise<void> {
    const digest = createHash("sha256").update(bytes).digest();
    await this.holding.write(piece, bytes, digest);
    this.manifest.set(piece, digest);
    this.#snapshot = undefined;
    this.#untold.add(piece);
    if (this.#tellTimer !== undefined) return;
    const now = performance.now();
    const waitMs = this.#telling.dueMs(this.manifest.known.count - this.giving.distinct, now) - now;
    if (waitMs <= 0) this.#tell();
    else this.#tellTimer = setTimeout(() => this.#tell(), waitMs);
  }

  #tell(): void {
    clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    const part = this.#sign(this.#untold);
    this.#untold.clear();
    this.#telling.told(performance.now());
    this.#options.onManifest(part);
  }

  #sign(pieces: Bitset): ManifestPart {
    const { privateKey } = this.#options.key;
    return { batch: this.manifest.signBatch(pieces, privateKey), seal: this.manifest.signSeal(privateKey) };
  }
}
