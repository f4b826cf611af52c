// The store of a host: a directory that one process owns, with one directory a version, which survives the death of the process and
// of the machine. What it promises to whom, and what a crash may cost, stands in recovery.ts and journal.ts.
//
//   <dataDir>/lock                          the process that owns it
//   <dataDir>/versions/<version id>/…       see disk-holding.ts; other names are left alone
//   <dataDir>/trash/…                       on its way out

import { mkdir, readdir, rename, rm, stat, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { VersionRecord } from "../core/version.ts";
import { bootId } from "../runtime/boot.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import { systemCode } from "../runtime/system-code.ts";
import { DigestTable } from "./digest-table.ts";
import { DiskHolding, type DiskKeeper } from "./disk-holding.ts";
import { writeJournal } from "./journal.ts";
import { headerBytes } from "./journal-format.ts";
import { OpenFiles } from "./open-files.ts";
import { newFacts } from "./piece-holding.ts";
import { type Now, PieceStore } from "./piece-store.ts";
import { journalName, piecesName, recover, versionName } from "./recovery.ts";
import { Slots } from "./slots.ts";
import { storageError } from "./storage-error.ts";
import { writeVersionFile } from "./version-file.ts";
import { WriteLine } from "./write-line.ts";

export interface DiskSpace {
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

export interface DiskStoreOptions {
  readonly dataDir: string;
  /** Most bytes to keep; 0 is unlimited. */
  readonly quotaBytes: number;
  readonly now?: Now;
  /** Which run of the machine this is, if not the kernel's. */
  readonly boot?: string;
  /** What the file system has, if not as `statfs` says. */
  readonly measure?: (path: string) => Promise<DiskSpace>;
}

const outstandingWrites = 8;
const outstandingReads = 16;
const idleFiles = 256;
/** Left to the machine's other users; a small disk leaves a hundredth. */
const reserveBytes = 64 * 1024 * 1024;
/** So many bytes are written before the file system is asked again. */
const measuredBytes = 64 * 1024 * 1024;
const idForm = /^[0-9a-f]{64}$/;

export class DiskStore extends PieceStore<DiskHolding> implements DiskKeeper {
  readonly files = new OpenFiles(idleFiles);
  readonly reads = new Slots(outstandingReads);
  readonly writes = new WriteLine(outstandingWrites);
  readonly boot: string;
  readonly #dataDir: string;
  readonly #measure: (path: string) => Promise<DiskSpace>;
  readonly #lock: ProcessLock;
  readonly #syncs = new Slots(1);
  /** Syncs and removals that nobody waits for but `close`. */
  readonly #chores = new Set<Promise<void>>();
  #roomBytes = 0;
  #trashed = 0;

  private constructor(options: DiskStoreOptions, lock: ProcessLock) {
    super({ quotaBytes: options.quotaBytes, now: options.now ?? Date.now });
    this.#dataDir = options.dataDir;
    this.boot = options.boot ?? bootId;
    this.#measure = options.measure ?? measureDisk;
    this.#lock = lock;
  }

  /** `address-in-use` when another process has the directory, `not-writable` when it cannot be used. */
  static async open(options: DiskStoreOptions): Promise<DiskStore> {
    const { dataDir } = options;
    try {
      await mkdir(join(dataDir, "versions"), { recursive: true, mode: 0o700 });
      const lock = await takeLock(dataDir, options.boot ?? bootId);
      try {
        const store = new DiskStore(options, lock);
        await store.#load();
        return store;
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      throw storageError(error, dataDir);
    }
  }

  completed(holding: DiskHolding): void {
    this.#chore(() =>
      this.#syncs.run(async () => {
        // What is not synced stays marked so, and is proved again should the machine crash.
        if (!this.closed && holding.kept) await holding.makeDurable();
      }),
    );
  }

  lost(holding: DiskHolding): void {
    this.#chore(() => this.salvage(holding));
  }

  protected get place(): string {
    return this.#dataDir;
  }

  protected async make(version: VersionRecord): Promise<DiskHolding> {
    if (!idForm.test(version.id))
      throw new DragonflyError("internal", `${JSON.stringify(version.id)} is no version id`);
    const directory = join(this.#dataDir, "versions", version.id);
    const facts = newFacts(version, this.now());
    try {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { mode: 0o700 });
      await writeFile(join(directory, piecesName), "", { mode: 0o600 });
      await writeJournal(join(directory, journalName), this.boot, []);
      // Last: a directory without it holds nothing.
      await writeVersionFile(
        join(directory, versionName),
        { version, state: "partial", createdAtMs: facts.createdAtMs },
        false,
      );
    } catch (error) {
      await rm(directory, { recursive: true, force: true }).catch(() => {});
      throw storageError(error, directory);
    }
    const recovered = {
      facts,
      journalEndBytes: headerBytes,
      digests: new DigestTable(),
      durable: false,
      writtenAtNs: undefined,
    };
    return new DiskHolding(this, directory, recovered);
  }

  protected async discard(holding: DiskHolding): Promise<void> {
    await holding.vacate();
    await this.#throwAway(holding.directory);
  }

  protected override async rescue(holding: DiskHolding): Promise<DiskHolding | undefined> {
    const { directory, version } = holding;
    await holding.vacate();
    const recovered = await recover(directory, this.boot, this.now()).catch(() => undefined);
    if (recovered === undefined || recovered.facts.held.count === 0) {
      await this.#throwAway(directory);
      return undefined;
    }
    const pieces = join(directory, piecesName);
    const { length } = version;
    if (length !== null && (await stat(pieces)).size > length) await truncate(pieces, length);
    return new DiskHolding(this, directory, recovered);
  }

  protected async lackingBytes(bytes: number): Promise<number> {
    let space: DiskSpace;
    try {
      space = await this.#measure(this.#dataDir);
    } catch (error) {
      throw storageError(error, this.#dataDir);
    }
    const availableBytes = space.freeBytes - Math.min(reserveBytes, space.sizeBytes / 100);
    this.#roomBytes = Math.max(0, Math.min(measuredBytes, availableBytes));
    return bytes - availableBytes;
  }

  protected hasRoom(bytes: number): boolean {
    return this.#roomBytes >= bytes;
  }

  protected takeRoom(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#roomBytes -= bytes;
    return true;
  }

  protected async shut(): Promise<void> {
    await Promise.all(this.#chores);
    for (const holding of this.all()) await holding.close();
    await this.files.closeAll();
    await this.#lock.release();
  }

  async #load(): Promise<void> {
    const trash = join(this.#dataDir, "trash");
    await rm(trash, { recursive: true, force: true });
    await mkdir(trash, { mode: 0o700 });
    const versions = join(this.#dataDir, "versions");
    const nowMs = this.now();
    for (const entry of await readdir(versions, { withFileTypes: true })) {
      if (!entry.isDirectory() || !idForm.test(entry.name)) continue;
      const directory = join(versions, entry.name);
      const recovered = await recover(directory, this.boot, nowMs).catch(() => undefined);
      if (recovered === undefined) {
        // What cannot even be removed belongs to somebody else; `create` tells, should the name be needed.
        await this.#throwAway(directory).catch(() => {});
        continue;
      }
      const holding = new DiskHolding(this, directory, recovered);
      this.shelve(holding);
      if (holding.state === "complete" && !recovered.durable) this.completed(holding);
    }
  }

  /** Renamed first, so that a crash leaves no half of a version, and the name is free at once. */
  async #throwAway(directory: string): Promise<void> {
    const trashed = join(this.#dataDir, "trash", String(this.#trashed++));
    try {
      await rename(directory, trashed);
      await rm(trashed, { recursive: true, force: true });
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw storageError(error, directory);
    }
  }

  #chore(work: () => Promise<void>): void {
    const chore: Promise<void> = work()
      .catch(() => {})
      .finally(() => this.#chores.delete(chore));
    this.#chores.add(chore);
  }
}

/** Names the process that owns a data directory. */
export function dataLockOf(dataDir: string): string {
  return join(dataDir, "lock");
}

async function takeLock(dataDir: string, boot: string): Promise<ProcessLock> {
  const path = dataLockOf(dataDir);
  const lock = await ProcessLock.take(path, boot);
  if (lock !== undefined) return lock;
  const pid = await ProcessLock.holder(path, boot);
  const message =
    pid === undefined
      ? `data directory ${dataDir} is being taken by other processes: try again`
      : `data directory ${dataDir} is in use by process ${pid}: stop it or choose another --data-dir`;
  throw new DragonflyError("address-in-use", message);
}

async function measureDisk(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
