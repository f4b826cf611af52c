// What a holding is wherever its bytes are: which pieces are held, who uses it, and when it may be finished or let go. Where the
// bytes go is left to the disk and the memory holding.

import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";
import { countPieces, pieceBytes } from "../core/version.ts";
import { digestBytes } from "./digest-table.ts";
import type { Holding } from "./store.ts";

/** What a holding asks of the store that it belongs to. */
export interface Keeper {
  now(): number;
  /** Counts bytes about to be written to a holding, evicting others where needed; `no-space` when that is not enough. */
  admit(bytes: number, holding: PieceHolding): void | Promise<void>;
  /** Ends what `admit` began: so many bytes more are kept. */
  settle(bytes: number, keptBytes: number): void;
}

export interface HoldingFacts {
  readonly version: VersionRecord;
  readonly state: "partial" | "complete";
  readonly digest: string | undefined;
  readonly held: Bitset;
  /** Where the last held byte ends. */
  readonly endBytes: number;
  /** What its file takes, where that may be more than what is held: pieces that were written and not claimed before a process was killed. */
  readonly takenBytes?: number;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
}

export function newFacts(version: VersionRecord, nowMs: number): HoldingFacts {
  const held = new Bitset();
  return { version, state: "partial", digest: undefined, held, endBytes: 0, createdAtMs: nowMs, usedAtMs: nowMs };
}

/** A piece index beyond this is a mistake: 64 TiB in the largest pieces. */
const maxPieces = 1 << 24;

/** A file takes whole blocks of its disk: so much more is no sign of stray bytes, nor anything where pieces are no whole blocks. */
const blockBytes = 4096;

/** Kept until it is removed; then leaving while somebody has it acquired; then gone. */
type Life = "kept" | "leaving" | "gone";

export abstract class PieceHolding implements Holding {
  readonly held: Bitset;
  readonly createdAtMs: number;
  readonly #keeper: Keeper;
  readonly #writing = new Map<PieceIndex, Promise<void>>();
  readonly #gained = new Set<(index: PieceIndex) => void>();
  #version: VersionRecord;
  #state: "partial" | "complete";
  #digest: string | undefined;
  #life: Life = "kept";
  #pins = 0;
  #endBytes: number;
  #heldBytes: number;
  /** On disk, and of no piece that is held. */
  #strayBytes: number;
  #usedAtMs: number;

  constructor(keeper: Keeper, facts: HoldingFacts) {
    this.#keeper = keeper;
    this.#version = facts.version;
    this.#state = facts.state;
    this.#digest = facts.digest;
    this.held = facts.held;
    this.createdAtMs = facts.createdAtMs;
    this.#usedAtMs = facts.usedAtMs;
    this.#endBytes = facts.endBytes;
    this.#heldBytes = this.#countHeldBytes();
    const aligned = facts.version.pieceLength % blockBytes === 0;
    this.#strayBytes = aligned ? Math.max(0, (facts.takenBytes ?? 0) - this.#heldBytes - blockBytes) : 0;
  }

  abstract readonly file: string | undefined;
  abstract pieceDigest(index: PieceIndex): Uint8Array | undefined;
  protected abstract put(index: PieceIndex, bytes: Uint8Array): Promise<void>;
  protected abstract record(index: PieceIndex, digest: Uint8Array): void;
  protected abstract fetch(offset: number, into: Uint8Array, length: number): Promise<void>;
  protected abstract commit(version: VersionRecord, digest: string | undefined): Promise<void>;
  /** Nobody can use it any more. */
  protected abstract forget(): void;
  protected touched(): void {}
  protected finished(): void {}

  get version(): VersionRecord {
    return this.#version;
  }

  get state(): "partial" | "complete" {
    return this.#state;
  }

  get digest(): string | undefined {
    return this.#digest;
  }

  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  get endBytes(): number {
    return this.#endBytes;
  }

  /** What it takes of the store's room. */
  get takenBytes(): number {
    return this.#heldBytes + this.#strayBytes;
  }

  get busy(): boolean {
    return this.#pins > 0 || this.#writing.size > 0;
  }

  get pinned(): boolean {
    return this.#pins > 0;
  }

  get kept(): boolean {
    return this.#life === "kept";
  }

  write(index: PieceIndex, bytes: Uint8Array, digest: Uint8Array): Promise<void> {
    try {
      this.checkKept();
      if (this.held.has(index)) return Promise.resolve();
      this.#checkPiece(index, bytes, digest);
    } catch (error) {
      return Promise.reject(error);
    }
    const same = this.#writing.get(index);
    if (same !== undefined) return same;
    const write = this.#keep(index, bytes, digest);
    this.#writing.set(index, write);
    return write;
  }

  async read(index: PieceIndex, into: Uint8Array): Promise<number> {
    const offset = index * this.#version.pieceLength;
    if (!this.held.has(index)) throw this.#notHeld(offset, this.#version.pieceLength);
    return this.readAt(offset, into, this.#bytesOf(index));
  }

  async readAt(offset: number, into: Uint8Array, length: number): Promise<number> {
    if (this.#life === "gone") throw this.#absent();
    if (length === 0) return 0;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > this.#endBytes)
      throw this.#notHeld(offset, length);
    const { pieceLength } = this.#version;
    const last = Math.floor((offset + length - 1) / pieceLength);
    for (let index = Math.floor(offset / pieceLength); index <= last; index++) {
      if (!this.held.has(index)) throw this.#notHeld(offset, length);
    }
    if (into.length < length)
      throw new DragonflyError("internal", `a buffer of ${into.length} bytes cannot take ${length}`);
    await this.fetch(offset, into, length);
    return length;
  }

  async finish(length: number, digest: string | undefined): Promise<void> {
    this.checkKept();
    this.#checkWhole(length);
    if (this.#state === "complete" && (digest === undefined || digest === this.#digest)) return;
    const version = { ...this.#version, length };
    await this.commit(version, digest);
    this.#version = version;
    this.#digest = digest;
    this.#state = "complete";
    this.finished();
  }

  intact(): Promise<boolean> {
    return Promise.resolve(true);
  }

  acquire(): () => void {
    this.#pins++;
    this.touch();
    let pinned = true;
    return () => {
      if (!pinned) return;
      pinned = false;
      this.#pins--;
      if (this.#pins === 0 && this.#life === "leaving") this.#go();
    };
  }

  onGained(listener: (index: PieceIndex) => void): () => void {
    this.#gained.add(listener);
    return () => this.#gained.delete(listener);
  }

  touch(): void {
    this.#usedAtMs = this.#keeper.now();
    this.touched();
  }

  /** From now on nothing is written; whoever has it acquired goes on reading. */
  leave(): void {
    if (this.#life !== "kept") return;
    this.#life = "leaving";
    if (this.#pins === 0) this.#go();
  }

  /** Resolves when no write is under way, whatever became of it. */
  async settled(): Promise<void> {
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing.values());
  }

  #go(): void {
    this.#life = "gone";
    this.forget();
  }

  async #keep(index: PieceIndex, bytes: Uint8Array, digest: Uint8Array): Promise<void> {
    let keptBytes = 0;
    try {
      this.touch();
      await this.#keeper.admit(bytes.length, this);
      try {
        this.checkKept();
        await this.put(index, bytes);
        this.checkKept();
        keptBytes = bytes.length - this.#takeStray(bytes.length);
      } finally {
        this.#keeper.settle(bytes.length, keptBytes);
      }
      this.record(index, digest);
      this.held.add(index);
      this.#heldBytes += bytes.length;
      this.#endBytes = Math.max(this.#endBytes, index * this.#version.pieceLength + bytes.length);
    } finally {
      this.#writing.delete(index);
    }
    for (const listener of this.#gained) listener(index);
  }

  /** A piece that is written again takes no more room than its first writing did. */
  #takeStray(bytes: number): number {
    const taken = Math.min(this.#strayBytes, bytes);
    this.#strayBytes -= taken;
    return taken;
  }

  /** The last piece of an unknown length is as long as what was written of it. */
  #bytesOf(index: PieceIndex): number {
    return pieceBytes({ length: this.#endBytes, pieceLength: this.#version.pieceLength }, index);
  }

  #countHeldBytes(): number {
    if (this.#state === "complete") return this.#endBytes;
    let bytes = 0;
    for (const index of this.held) bytes += this.#bytesOf(index);
    return bytes;
  }

  #checkPiece(index: PieceIndex, bytes: Uint8Array, digest: Uint8Array): void {
    const { length, pieceLength } = this.#version;
    const pieces = length === null ? maxPieces : countPieces(length, pieceLength);
    const fits =
      length === null
        ? bytes.length > 0 && bytes.length <= pieceLength
        : bytes.length === pieceBytes(this.#version, index);
    if (Number.isInteger(index) && index >= 0 && index < pieces && fits && digest.length === digestBytes) return;
    throw new DragonflyError(
      "internal",
      `piece ${index} of ${bytes.length} bytes is no piece of version ${this.#version.id}`,
    );
  }

  #checkWhole(length: number): void {
    const { length: known, pieceLength, id } = this.#version;
    const pieces = countPieces(length, pieceLength);
    const sums = this.#endBytes === length && this.#heldBytes === length && this.held.count === pieces;
    if ((known === null || known === length) && sums) return;
    const holds = `holds ${this.#heldBytes} bytes in ${this.held.count} pieces`;
    throw new DragonflyError("internal", `version ${id} cannot be finished at ${length} bytes: it ${holds}`);
  }

  protected checkKept(): void {
    if (this.#life !== "kept") throw this.#absent();
  }

  #absent(): DragonflyError {
    return new DragonflyError("not-found", `version ${this.#version.id} was removed from the store`);
  }

  #notHeld(offset: number, length: number): DragonflyError {
    return new DragonflyError(
      "not-found",
      `version ${this.#version.id} does not hold bytes ${offset} to ${offset + length}`,
    );
  }
}
