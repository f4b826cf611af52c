// One version on disk: `version.json` says what it is, `pieces` is the raw content, sparse until it is complete, and `journal` says
// which pieces are in it.

import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";
import { pieceBytes } from "../core/version.ts";
import { systemCode } from "../runtime/system-code.ts";
import { DigestTable } from "./digest-table.ts";
import { Journal } from "./journal.ts";
import { parseJournal } from "./journal-format.ts";
import { type OpenFiles, PieceFile } from "./open-files.ts";
import { type Keeper, PieceHolding } from "./piece-holding.ts";
import { journalName, piecesName, type Recovered, versionName, writtenAt } from "./recovery.ts";
import type { Slots } from "./slots.ts";
import { isFull, storageError } from "./storage-error.ts";
import { syncPath, type VersionFile, writeVersionFile } from "./version-file.ts";
import type { WriteLine } from "./write-line.ts";

/** What a holding on disk asks of its store. */
export interface DiskKeeper extends Keeper {
  readonly files: OpenFiles;
  readonly reads: Slots;
  readonly writes: WriteLine;
  readonly boot: string;
  /** What writes or removes the files of one version happens one after the other. */
  inTurn<T>(id: VersionId, work: () => Promise<T>): Promise<T>;
  /** Evicts others because the disk is full. */
  relieve(bytes: number): Promise<void>;
  /** Completed: to be synced when there is time. */
  completed(holding: DiskHolding): void;
  /** Its files are not what they were. */
  lost(holding: DiskHolding): void;
  checkOpen(): void;
}

const stampIntervalMs = 60_000;
/** A complete holding that is read is looked after so often. */
const checkIntervalMs = 1000;

export class DiskHolding extends PieceHolding {
  readonly directory: string;
  readonly file: string;
  readonly #keeper: DiskKeeper;
  readonly #pieces: PieceFile;
  readonly #journal: Journal;
  /** Strong while pieces come in; weak once it is complete, when the journal on disk has it all. */
  #digests: { deref(): DigestTable | undefined };
  #stampedAtMs: number;
  #stamping: Promise<void> = Promise.resolve();
  #holdsFile = false;
  /** When the pieces were complete: a later time means that another program wrote to them. */
  #writtenAtNs: string | undefined;
  #checkedAtMs = 0;

  constructor(keeper: DiskKeeper, directory: string, recovered: Recovered) {
    super(keeper, recovered.facts);
    this.directory = directory;
    this.file = join(directory, piecesName);
    this.#keeper = keeper;
    this.#pieces = new PieceFile(keeper.files, this.file);
    this.#journal = new Journal(join(directory, journalName), recovered.journalEndBytes);
    const { digests } = recovered;
    this.#digests = { deref: () => digests };
    this.#stampedAtMs = recovered.facts.usedAtMs;
    this.#writtenAtNs = recovered.writtenAtNs;
  }

  override async intact(): Promise<boolean> {
    if (this.#writtenAtNs === undefined) return true;
    this.#checkedAtMs = this.#keeper.now();
    const writtenAtNs = await writtenAt(this.file).catch(() => undefined);
    if (writtenAtNs === this.#writtenAtNs) return true;
    if (this.kept) this.#keeper.lost(this);
    return false;
  }

  pieceDigest(index: PieceIndex): Uint8Array | undefined {
    if (!this.held.has(index)) return undefined;
    let digests = this.#digests.deref();
    if (digests === undefined) {
      digests = this.#loadDigests();
      this.#digests = new WeakRef(digests);
    }
    const digest = digests.get(index);
    if (digest !== undefined) return digest;
    const hashed = this.#hash(index);
    if (hashed !== undefined) digests.set(index, hashed);
    return digests.get(index);
  }

  /** Only for the store: what was written reaches the disk itself, and the record says so. */
  async makeDurable(): Promise<void> {
    await this.#pieces.sync();
    await syncPath(join(this.directory, journalName));
    await this.#keeper.inTurn(this.version.id, async () => {
      if (this.kept) await this.#describe({ state: "complete", digest: this.digest }, true);
    });
  }

  /** Only for the store: the files are about to lose their names. */
  async vacate(): Promise<void> {
    if (this.pinned) {
      this.#holdsFile = true;
      await this.#pieces.hold().catch(() => {});
    }
    await this.#journal.stop();
    await this.#stamping;
  }

  /** Only for the store: nothing is written any more. A claim that cannot be kept costs fetching a piece again, so it is no error. */
  async close(): Promise<void> {
    await this.#journal.flush().catch(() => {});
    await this.#stamping;
    if (this.usedAtMs !== this.#stampedAtMs) await this.#stamp();
    this.#pieces.retire();
  }

  protected async put(index: PieceIndex, bytes: Uint8Array): Promise<void> {
    const offset = index * this.version.pieceLength;
    await this.#keeper.writes.run({ file: this.#pieces, offset }, async () => {
      try {
        await this.#pieces.write(bytes, offset);
      } catch (error) {
        if (!(error instanceof DragonflyError && isFull(error.cause))) throw error;
        await this.#keeper.relieve(bytes.length).catch(() => {
          throw error;
        });
        await this.#pieces.write(bytes, offset);
      }
    });
  }

  protected record(index: PieceIndex, digest: Uint8Array): void {
    this.#digests.deref()?.set(index, digest);
    this.#journal.append(index, digest);
  }

  protected async fetch(offset: number, into: Uint8Array, length: number): Promise<void> {
    if (this.kept && this.#keeper.now() - this.#checkedAtMs >= checkIntervalMs && !(await this.intact())) {
      throw new DragonflyError("not-writable", `${this.file} was changed or removed: it is not used any more`);
    }
    try {
      const bytesRead = await this.#keeper.reads.run(() => this.#pieces.read(into, offset, length));
      if (bytesRead === length) return;
    } catch (error) {
      if (this.kept && error instanceof DragonflyError && systemCode(error.cause) === "ENOENT") this.#keeper.lost(this);
      throw error;
    }
    if (this.kept) this.#keeper.lost(this);
    throw new DragonflyError("not-writable", `${this.file} was shortened: leave the data directory to this program`);
  }

  protected async commit(version: VersionRecord, digest: string | undefined): Promise<void> {
    try {
      await this.#journal.flush();
      await this.#keeper.inTurn(version.id, async () => {
        this.#keeper.checkOpen();
        this.checkKept();
        this.#writtenAtNs = await writtenAt(this.file);
        await this.#describe({ version, state: "complete", digest, boot: this.#keeper.boot }, false);
      });
    } catch (error) {
      throw storageError(error, this.directory);
    }
  }

  protected override finished(): void {
    const digests = this.#digests.deref();
    if (digests !== undefined) this.#digests = new WeakRef(digests);
    this.#keeper.completed(this);
  }

  protected forget(): void {
    this.#pieces.retire();
    if (this.#holdsFile) this.#pieces.letGo();
  }

  protected override touched(): void {
    if (Math.abs(this.usedAtMs - this.#stampedAtMs) < stampIntervalMs) return;
    this.#stampedAtMs = this.usedAtMs;
    this.#stamping = this.#stamping.then(() => this.#stamp());
  }

  /** The time of last use is that of the record's file: losing it costs a better choice of what to evict, no more. */
  async #stamp(): Promise<void> {
    const seconds = this.usedAtMs / 1000;
    this.#stampedAtMs = this.usedAtMs;
    await utimes(join(this.directory, versionName), seconds, seconds).catch(() => {});
  }

  async #describe(change: Partial<VersionFile> & Pick<VersionFile, "state">, durable: boolean): Promise<void> {
    const { version, createdAtMs } = this;
    const file = { version, createdAtMs, writtenAtNs: this.#writtenAtNs, ...change };
    await writeVersionFile(join(this.directory, versionName), file, durable);
    await this.#stamp();
  }

  #loadDigests(): DigestTable {
    const table = new DigestTable(this.held.count);
    try {
      for (const { index, digest } of parseJournal(readFileSync(join(this.directory, journalName))).records) {
        if (this.held.has(index)) table.set(index, digest);
      }
    } catch {
      // Each digest is then taken from the piece itself.
    }
    return table;
  }

  /** For the rare piece of a complete holding whose record in the journal is damaged. */
  #hash(index: PieceIndex): Uint8Array | undefined {
    const bytes = Buffer.allocUnsafe(pieceBytes(this.version, index));
    try {
      const handle = openSync(this.file, "r");
      try {
        const length = readSync(handle, bytes, 0, bytes.length, index * this.version.pieceLength);
        return length === bytes.length ? createHash("sha256").update(bytes).digest() : undefined;
      } finally {
        closeSync(handle);
      }
    } catch {
      return undefined;
    }
  }
}
