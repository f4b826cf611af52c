// The supernode's own part in one version: the only one that reads the origin. It offers each piece as it lands, to whoever takes any piece
// the one that it has sent least.

import { createHash, createPublicKey } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { Giving } from "../core/giving.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { ReadAhead } from "../core/read-ahead.ts";
import { Telling } from "../core/telling.ts";
import { countPieces } from "../core/version.ts";
import type { Servable } from "../net/piece-server.ts";
import type { RateGate } from "../net/rate-gate.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { OriginReader, type OriginReadResult } from "../origin/origin-reader.ts";
import { finishHolding } from "../store/finish-holding.ts";
import type { Holding, Store } from "../store/store.ts";
import type { FromDaemonOf, FromSupernodeOf } from "../wire/control.ts";
import { Manifest, type ManifestPart, type PieceRun } from "../wire/manifest.ts";
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
  /** How much of the version is wanted now. */
  readonly appetite: () => Appetite;
  /** Nobody has wanted it for a while: this seed is to be stopped. */
  readonly onUnwanted: () => void;
  /** Told of each growth of the manifest. */
  readonly onManifest: (part: ManifestPart) => void;
  readonly onOriginBytes: (bytes: number) => void;
  /** Pieces that are nowhere could not be read: whoever lacks them asks again. */
  readonly onReadFailed: (error: DragonflyError) => void;
}

/** As fast as the origin gives; not far beyond what hosts have taken; not at all. */
export type Appetite = "all" | "as-taken" | "none";

/** So long a seed that nobody fetches from any more waits for whoever comes, or comes again. */
const unwantedMs = 10_000;
/** How often a seed that has read enough looks whether hosts have taken it. */
const turnMs = 5;

type Content = Extract<Opened, { kind: "content" }>;

/** Of the answer to a registration, what differs from asker to asker. */
export type AskersOwn = "request" | "neighbours" | "isolated";

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
  readonly #readAhead: ReadAhead;
  /** Read from the origin by this process. */
  readonly #fresh = new Bitset();
  /** Some host said that it has them, under digests that were not known here: they are read, and wait for nobody. */
  readonly #elsewhere = new Bitset();
  #told: string | undefined;
  #originBytes = 0;
  #readSinceMs: number | undefined;
  #readMs = 0;
  /** Of the time in which it was read, that in which it might not be. */
  #heldBackMs = 0;
  #finished: Promise<void> = Promise.resolve();
  #reader: OriginReader | undefined;
  /** Waited for before there was a reader. */
  #first: { readonly from: PieceIndex; readonly to: PieceIndex } | undefined;
  /** What is not to be read from the origin: what is held here, and what hosts hold under digests that are known here. */
  readonly #spared: Bitset;
  /** How to read again what turns out to be nowhere; while there is something that is not held here. */
  #source: { readonly info: Content["info"]; readonly request: OriginRequest } | undefined;

  constructor(options: SeedOptions) {
    const { holding } = options;
    this.#options = options;
    this.holding = holding;
    this.giving = new Giving(options.random);
    this.#readAhead = new ReadAhead(holding.version.pieceLength);
    this.manifest = new Manifest(holding.version.id, holding.version.pieceLength);
    for (const piece of holding.held) {
      const digest = holding.pieceDigest(piece);
      if (digest !== undefined) this.manifest.set(piece, digest);
    }
    this.#spared = holding.held.copy();
    this.#state = holding.state === "complete" ? "complete" : "idle";
    if (this.#state === "complete") this.manifest.close(holding.version.length ?? 0, holding.digest ?? null);
  }

  get version() {
    return this.holding.version;
  }

  get state(): SeedState {
    return this.#state;
  }

  /** Whether every piece is held here, or will be: not where hosts had some before this supernode heard of the version. */
  get whole(): boolean {
    return this.holding.state === "complete" || this.#state === "failed";
  }

  /** How many digests are known, and how many pieces are not to be read from the origin. */
  get restored(): { readonly known: number; readonly spared: number } {
    return { known: this.manifest.known.count, spared: this.#spared.count };
  }

  /** Bytes read from the origin for this version by this process. */
  get originBytes(): number {
    return this.#originBytes;
  }

  /** While it was read; 0 where nothing was. */
  get originBytesPerSecond(): number {
    const runningMs = this.#readSinceMs === undefined ? 0 : performance.now() - this.#readSinceMs;
    const ms = this.#readMs + runningMs - this.#heldBackMs;
    return ms <= 0 ? 0 : (this.#originBytes / ms) * 1000;
  }

  /** How the read ends or ended; at once where there was nothing to read. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  /** Reads what is missing from the origin; resolves when the manifest is sealed. Rejects with the origin's fault. */
  run(opened: Content, request: OriginRequest): Promise<void> {
    this.#finished = this.#run(opened, request);
    return this.#finished;
  }

  async #run(opened: Content, request: OriginRequest): Promise<void> {
    const release = this.holding.acquire();
    this.#state = "reading";
    this.#readSinceMs = performance.now();
    try {
      const { info } = opened;
      this.#source = { info, request };
      // A body that was opened to learn the version alone is not worth a connection of its own.
      const useful = request.firstBytes !== 1 || !info.ranged;
      if (!useful) opened.body.destroy();
      const result = await this.#read(useful ? opened : { info }, request);
      await this.#readMissing();
      await this.#seal(result);
    } catch (error) {
      this.#state = "failed";
      throw DragonflyError.from(error);
    } finally {
      this.#readMs += performance.now() - this.#readSinceMs;
      this.#readSinceMs = undefined;
      release();
    }
  }

  /**
   * Takes over what a host holds of a version that another supernode began: the digests that trusted keys signed, and not to read from the
   * origin what the host has of it. What anything is wrong with is left out. Returns whether something had not the signature that it should.
   */
  restore(told: FromDaemonOf<"recalled">, trusts: (key: string) => boolean): boolean {
    const { length, pieceLength } = this.version;
    if (this.#state === "complete" || length === null || told.pieceLength !== pieceLength) return false;
    const before = this.manifest.known.copy();
    const refused = told.signed.filter(({ key, part }) => trusts(key) && !this.#adopt(part, key));
    const count = countPieces(length, pieceLength);
    for (const [from, to] of told.held) {
      for (let piece = from; piece < Math.min(to, count); piece++) {
        (this.manifest.known.has(piece) ? this.#spared : this.#elsewhere).add(piece);
      }
    }
    for (const piece of this.manifest.known) if (!before.has(piece)) this.#untold.add(piece);
    this.#told = undefined;
    if (this.#untold.count > 0) this.#tell();
    return refused.length > 0;
  }

  /** These are nowhere, whoever said that they have them: they are read from the origin, now or with the rest. */
  readAnew(runs: readonly PieceRun[]): void {
    const { length, pieceLength } = this.version;
    const count = length === null ? 0 : countPieces(length, pieceLength);
    for (const [from, to] of runs) {
      for (let piece = from; piece < Math.min(to, count); piece++) {
        if (!this.holding.held.has(piece)) this.#spared.delete(piece);
      }
    }
    if (this.#state !== "complete" || this.#source === undefined) return;
    const release = this.holding.acquire();
    this.#state = "reading";
    this.#readMissing()
      .then(() => this.#seal(undefined))
      .catch((error: unknown) => this.#options.onReadFailed(DragonflyError.from(error)))
      .finally(() => {
        this.#state = "complete";
        release();
      });
  }

  /** Somebody waits for [from, to): it is read next, unless it is on its way. Nothing where the origin serves no parts. */
  readFirst(from: PieceIndex, to: PieceIndex): void {
    if (this.#reader !== undefined) this.#reader.readFirst(from, to);
    else this.#first = { from, to };
  }

  /** What all who are admitted are told alike, as text: it is signed and written once for all who register until the manifest grows. */
  get told(): string {
    this.#told ??= JSON.stringify(this.#describe());
    return this.#told;
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

  // --- the origin

  #read(opened: { readonly info: Content["info"] }, request: OriginRequest): Promise<OriginReadResult> {
    const { holding, slabs, origin, gate } = this.#options;
    const reader = new OriginReader({
      origin,
      request,
      opened,
      pieceLength: holding.version.pieceLength,
      held: this.#spared,
      gate,
      acquire: (signal) => slabs.acquireWhenFree(holding.version.pieceLength, signal),
      sink: (piece, bytes) => this.#keep(piece, bytes),
      readBack: (piece, into) => holding.read(piece, into),
      turn: (signal) => this.#turn(signal),
      first: this.#first,
      onBytes: (bytes) => {
        this.#originBytes += bytes;
        this.#options.onOriginBytes(bytes);
      },
      signal: this.#abort.signal,
    });
    this.#reader = reader;
    return reader.read();
  }

  /** Resolves to how much may be read next. */
  async #turn(signal: AbortSignal): Promise<number> {
    let wantedAtMs = performance.now();
    while (!signal.aborted) {
      const sinceMs = performance.now();
      const appetite = this.#options.appetite();
      if (appetite === "all") break;
      if (appetite === "as-taken") {
        wantedAtMs = sinceMs;
        const { settled } = this.giving;
        const ahead = this.#fresh.copy();
        ahead.deleteAll(settled);
        ahead.deleteAll(this.#elsewhere);
        const bytes = this.#readAhead.next(ahead.count, settled.count, sinceMs);
        if (bytes > 0) return bytes;
      } else if (sinceMs - wantedAtMs >= unwantedMs) {
        this.#options.onUnwanted();
      }
      await sleep(turnMs, undefined, { signal }).catch(() => {});
      this.#heldBackMs += performance.now() - sinceMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** What was thought to be elsewhere when it was passed over, and is not. */
  async #readMissing(): Promise<void> {
    const { length, pieceLength } = this.version;
    if (length === null || this.#source === undefined) return;
    const { info, request } = this.#source;
    while (this.#spared.count < countPieces(length, pieceLength)) await this.#read({ info }, request);
  }

  /** All that is not held here is held elsewhere, under digests that are known here. */
  async #seal(result: OriginReadResult | undefined): Promise<void> {
    const { holding } = this;
    const length = result?.length ?? this.version.length ?? 0;
    const digest = result?.sha256 ?? this.manifest.end?.digest ?? undefined;
    if (holding.held.count >= countPieces(length, holding.version.pieceLength)) {
      this.#source = undefined;
      await finishHolding(this.#options.store, holding, { length, sha256: digest });
    }
    this.manifest.close(length, holding.digest ?? digest ?? null);
    this.#told = undefined;
    this.#state = "complete";
    this.#tell();
  }

  // --- the manifest's growth

  /** False for what was altered after it was signed. What it names is read from the origin, as is what was signed of another content. */
  #adopt({ batch, seal }: ManifestPart, key: string): boolean {
    try {
      const signer = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
      if (batch !== undefined) this.manifest.accept(batch, signer);
      if (seal !== undefined) this.manifest.checkSeal(seal, signer);
      if (seal?.length === this.version.length) this.manifest.acceptSeal(seal, signer);
      return true;
    } catch (error) {
      return !(error instanceof DragonflyError && error.code === "protocol-violation");
    }
  }

  async #keep(piece: PieceIndex, bytes: Uint8Array): Promise<void> {
    const digest = createHash("sha256").update(bytes).digest();
    const known = this.manifest.digestOf(piece);
    if (known !== undefined && !digest.equals(known)) {
      throw new DragonflyError("origin-changed", "the origin's content is not what the swarm is downloading any more");
    }
    await this.holding.write(piece, bytes, digest);
    this.#spared.add(piece);
    this.#fresh.add(piece);
    this.manifest.set(piece, digest);
    this.#told = undefined;
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

  #describe(): Omit<FromSupernodeOf<"task">, AskersOwn> {
    const { id: version, taskId: task, url, length, pieceLength, etag, lastModified, representation } = this.version;
    return {
      type: "task",
      task,
      version,
      url,
      length,
      pieceLength,
      etag,
      lastModified,
      representation: representation === undefined ? undefined : { ...representation },
      manifest: this.#sign(this.manifest.known),
    };
  }

  #sign(pieces: Bitset): ManifestPart {
    const { privateKey } = this.#options.key;
    return { batch: this.manifest.signBatch(pieces, privateKey), seal: this.manifest.signSeal(privateKey) };
  }
}
