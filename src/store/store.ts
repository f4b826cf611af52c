// Where verified pieces are kept: one holding a version. The disk and the memory store pass the same contract suite.

import type { Bitset } from "../core/bitset.ts";
import type { PieceIndex, TaskId, VersionId } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";

/** Resolves soon to those of these versions that nobody else is known to hold; what is not known is not among them. */
export type LastCopies = (versions: readonly Pick<VersionRecord, "id" | "taskId">[]) => Promise<ReadonlySet<VersionId>>;

export type Evicted = (id: VersionId, rest: Promise<Holding | undefined>) => void;

export interface Store {
  /**
   * The holding of this version, made if there is none. Refuses with `no-space` before a byte is fetched when the length does not
   * fit the disk or the quota after evicting what may go, with `not-writable` when the directory cannot be written.
   */
  create(version: VersionRecord): Promise<Holding>;
  find(id: VersionId): Holding | undefined;
  /** The newest complete or partial holding of a task. */
  latest(task: TaskId): Holding | undefined;
  all(): Iterable<Holding>;
  /** Removes it and its files; a reader that has it open keeps reading what it has open. No-op when absent. */
  remove(id: VersionId): Promise<void>;
  /**
   * A holding that is not intact, or may not be: what of it is still as it was verified is kept under a new one, to be fetched on from there.
   * Resolves when that is settled. No-op when the store has another holding of the version by now.
   */
  salvage(holding: Holding): Promise<void>;
  /** Own bytes on disk or in memory. */
  readonly usedBytes: number;
  /** Tells of holdings that went away, and of what is salvaged of them, if anything is. Returns the way to stop listening. */
  onEvicted(listener: Evicted): () => void;
  /** From here on a version that nobody else holds goes after all others when room is needed. */
  spareLastCopies(lastCopies: LastCopies): void;
  /** Writes out what waits and gives the directory free. Idempotent. */
  close(): Promise<void>;
}

export interface Holding {
  readonly version: VersionRecord;
  /** Verified pieces. Read only: it changes as pieces are written. */
  readonly held: Bitset;
  readonly state: "partial" | "complete";
  /** SHA-256 of the whole content, 64 hexadecimal digits; set by `finish`. */
  readonly digest: string | undefined;
  /** The raw file for readers on this machine; undefined when in memory. Piece i is at i × pieceLength. */
  readonly file: string | undefined;
  /** Where the last held byte ends: of an unknown length, the best that is known. */
  readonly endBytes: number;
  /** When it was last created, written or acquired, in epoch milliseconds. */
  readonly usedAtMs: number;

  /**
   * Keeps one piece that the caller has verified against `digest` (32 bytes). Resolves when the bytes can be read back.
   * `bytes` may be reused by the caller from then on. A piece that is held already is left as it is.
   */
  write(index: PieceIndex, bytes: Uint8Array, digest: Uint8Array): Promise<void>;
  /** Reads a whole held piece into the front of `into`; resolves to its length in bytes. `not-found` when it is not held. */
  read(index: PieceIndex, into: Uint8Array): Promise<number>;
  /** Reads `length` bytes at `offset` of the content into the front of `into`; the pieces must be held. */
  readAt(offset: number, into: Uint8Array, length: number): Promise<number>;
  /** SHA-256 of a held piece, 32 bytes. */
  pieceDigest(index: PieceIndex): Uint8Array | undefined;
  /** Fixes the length (known only now for an unknown one) and marks it complete; all pieces must be held. */
  finish(length: number, digest: string | undefined): Promise<void>;
  /**
   * Whether a complete holding still has the bytes that were verified, as far as the file system tells. One that has not is salvaged.
   */
  intact(): Promise<boolean>;
  /** Pins it against eviction until the returned function is called (once or more: idempotent). */
  acquire(): () => void;
  /** Called with each piece newly held, in the order they were written. Returns the way to stop listening. */
  onGained(listener: (index: PieceIndex) => void): () => void;
}
