// The holdings of a store and the room that they take: finding them, admitting bytes, evicting the least recently used. What
// a holding is made of, and where its bytes go, is left to the disk and the memory store.

import { DragonflyError } from "../core/error.ts";
import type { TaskId, VersionId } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";
import { chooseEvictions, evictionGraceMs, isEvictable, worthAsking } from "./eviction.ts";
import { Lanes } from "./lanes.ts";
import type { Keeper, PieceHolding } from "./piece-holding.ts";
import { Slots } from "./slots.ts";
import type { Evicted, Holding, LastCopies, Store } from "./store.ts";

/** Wall-clock time in epoch milliseconds. */
export type Now = () => number;

export interface Limits {
  /** Most bytes to keep; 0 is unlimited. */
  readonly quotaBytes: number;
  readonly now: Now;
}

export abstract class PieceStore<H extends PieceHolding> implements Store, Keeper {
  readonly now: Now;
  readonly #quotaBytes: number;
  readonly #holdings = new Map<VersionId, H>();
  readonly #tasks = new Map<TaskId, Set<H>>();
  readonly #listeners = new Set<Evicted>();
  /** Room is given to one after the other. Who is given it may wait for a version's turn, and not the other way round. */
  readonly #admitting = new Slots(1);
  /** What writes or removes the files of a version. */
  readonly #turns = new Lanes<VersionId>();
  /** They have room and no holding yet. */
  readonly #coming = new Set<VersionRecord>();
  #lastCopies: LastCopies = async () => new Set();
  #usedBytes = 0;
  #arrivingBytes = 0;
  #closed: Promise<void> | undefined;

  constructor(limits: Limits) {
    this.now = limits.now;
    this.#quotaBytes = limits.quotaBytes;
  }

  /** For people: where the bytes are. */
  protected abstract readonly place: string;
  protected abstract make(version: VersionRecord): Promise<H>;
  /** Frees what a holding that left takes. */
  protected abstract discard(holding: H): Promise<void>;
  /** As `discard`, but for what of it is still as it was verified. */
  protected async rescue(holding: H): Promise<H | undefined> {
    await this.discard(holding);
    return undefined;
  }
  /** How many of these bytes the medium has no room for; asks it. */
  protected abstract lackingBytes(bytes: number): Promise<number>;
  /** Whether the medium is known to have room for these bytes. */
  protected abstract hasRoom(bytes: number): boolean;
  /** Whether the medium is known to have room for these bytes, which are then counted as taken. */
  protected abstract takeRoom(bytes: number): boolean;
  protected abstract shut(): Promise<void>;

  get usedBytes(): number {
    return this.#usedBytes;
  }

  async create(version: VersionRecord): Promise<H> {
    for (;;) {
      const existing = await this.#admitting.run(() => this.#admitVersion(version));
      if (existing !== undefined) return existing;
      try {
        const made = await this.inTurn(version.id, () => this.#make(version));
        if (isSameCut(made.version, version)) return made;
      } finally {
        this.#coming.delete(version);
      }
    }
  }

  find(id: VersionId): H | undefined {
    return this.#holdings.get(id);
  }

  latest(task: TaskId): H | undefined {
    let latest: H | undefined;
    for (const holding of this.#tasks.get(task) ?? []) {
      if (latest === undefined || holding.createdAtMs >= latest.createdAtMs) latest = holding;
    }
    return latest;
  }

  all(): Iterable<H> {
    return this.#holdings.values();
  }

  remove(id: VersionId): Promise<void> {
    return this.#admitting.run(async () => {
      this.checkOpen();
      const holding = this.#holdings.get(id);
      if (holding !== undefined) await this.#drop(holding);
    });
  }

  async salvage(broken: Holding): Promise<void> {
    const { id } = broken.version;
    await this.#admitting.run(async () => {
      this.checkOpen();
      const holding = this.#holdings.get(id);
      // To read all of it takes a while, for which only those wait who want it.
      if (holding === broken) void this.#drop(holding, (left) => this.#rescue(left)).catch(() => {});
    });
    await this.inTurn(id, async () => {});
  }

  onEvicted(listener: Evicted): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** What writes or removes the files of one version happens one after the other. */
  inTurn<T>(id: VersionId, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(id, work);
  }

  admit(bytes: number, holding: PieceHolding): void | Promise<void> {
    this.checkOpen();
    // What may grow without end takes none of the room that others were promised.
    const promised = () => (holding.version.length === null ? this.#promisedBytes(holding) : 0);
    if (promised() === 0 && this.#quotaShortfall(bytes) <= 0 && this.takeRoom(bytes)) {
      this.#arrivingBytes += bytes;
      return;
    }
    return this.#admitting.run(async () => {
      const promisedBytes = promised();
      // Then what is being written does not show on the disk yet, but counts.
      const arrivingBytes = promisedBytes === 0 ? 0 : this.#arrivingBytes;
      await this.#makeRoom(this.#quotaShortfall(bytes + promisedBytes), bytes + promisedBytes + arrivingBytes);
      this.takeRoom(bytes);
      this.#arrivingBytes += bytes;
    });
  }

  settle(bytes: number, keptBytes: number): void {
    this.#arrivingBytes -= bytes;
    this.#usedBytes += keptBytes;
  }

  /** Evicts so many bytes because the medium is full, whatever it said before. */
  relieve(bytes: number): Promise<void> {
    return this.#admitting.run(() => this.#evict(bytes, ...full(this.place, bytes)));
  }

  spareLastCopies(lastCopies: LastCopies): void {
    this.#lastCopies = lastCopies;
  }

  protected shelve(holding: H): void {
    const { id, taskId } = holding.version;
    this.#holdings.set(id, holding);
    const siblings = this.#tasks.get(taskId);
    if (siblings === undefined) this.#tasks.set(taskId, new Set([holding]));
    else siblings.add(holding);
    this.#usedBytes += holding.takenBytes;
  }

  /** The holding that is there already; else there is room for one, and it is coming. */
  async #admitVersion(version: VersionRecord): Promise<H | undefined> {
    this.checkOpen();
    const existing = this.#holdings.get(version.id);
    if (existing !== undefined && isSameCut(existing.version, version)) {
      existing.touch();
      if (existing.state === "partial") await this.#makeRoomFor(existing.version, existing);
      return existing;
    }
    if (existing !== undefined) await this.#drop(existing);
    await this.#makeRoomFor(version, undefined);
    this.#coming.add(version);
    return undefined;
  }

  async #make(version: VersionRecord): Promise<H> {
    this.checkOpen();
    // Somebody else may have wanted it at the same moment.
    const made = this.#holdings.get(version.id);
    if (made !== undefined) return made;
    const holding = await this.make(version);
    this.shelve(holding);
    return holding;
  }

  /** `holding` is the one to be filled, if it is there already. */
  async #makeRoomFor(version: VersionRecord, holding: H | undefined): Promise<void> {
    const takenBytes = holding?.takenBytes ?? 0;
    const missingBytes = Math.max(0, (version.length ?? takenBytes + version.pieceLength) - takenBytes);
    const expectedBytes = missingBytes + this.#promisedBytes(holding);
    const claimedBytes = this.#usedBytes + expectedBytes;
    await this.#makeRoom(this.#quotaBytes === 0 ? 0 : claimedBytes - this.#quotaBytes, expectedBytes);
  }

  /** A download under way gets the room it was promised; one that was given up has no claim beyond what it holds. */
  #promisedBytes(except: PieceHolding | undefined): number {
    const nowMs = this.now();
    let bytes = 0;
    for (const { length } of this.#coming) bytes += length ?? 0;
    for (const holding of this.#holdings.values()) {
      if (holding === except || holding.state === "complete" || isEvictable(holding, nowMs)) continue;
      bytes += Math.max(0, (holding.version.length ?? 0) - holding.takenBytes);
    }
    return bytes;
  }

  #quotaShortfall(bytes: number): number {
    return this.#quotaBytes === 0 ? 0 : this.#usedBytes + this.#arrivingBytes + bytes - this.#quotaBytes;
  }

  async #makeRoom(quotaShortfall: number, diskBytes: number): Promise<void> {
    if (quotaShortfall > 0) {
      await this.#evict(quotaShortfall, `the quota of ${this.#quotaBytes} bytes is used up`, "raise --quota");
    }
    if (this.hasRoom(diskBytes)) return;
    const lacking = Math.ceil(await this.lackingBytes(diskBytes));
    if (lacking > 0) await this.#evict(lacking, ...full(this.place, lacking));
  }

  async #evict(neededBytes: number, why: string, mend: string): Promise<void> {
    const asked = worthAsking(this.#candidates(), this.now());
    // With nothing to choose from it does not matter.
    const last =
      asked.length > 1 ? await this.#lastCopies(asked.flatMap((id) => this.find(id)?.version ?? [])) : undefined;
    const candidates = this.#candidates(last);
    const chosen = chooseEvictions(candidates, neededBytes, this.now());
    if (chosen === undefined) {
      const later = chooseEvictions(candidates, neededBytes, Number.POSITIVE_INFINITY) !== undefined;
      const message = `${why} and what is not in use cannot make room: free space or ${mend}`;
      throw new DragonflyError("no-space", message, later ? { retryAfterMs: evictionGraceMs } : {});
    }
    for (const id of chosen) {
      const holding = this.#holdings.get(id);
      if (holding !== undefined) await this.#drop(holding);
    }
  }

  #candidates(last: ReadonlySet<VersionId> = new Set()) {
    return Array.from(this.#holdings.values(), (holding) => ({
      id: holding.version.id,
      bytes: holding.takenBytes,
      usedAtMs: holding.usedAtMs,
      busy: holding.busy,
      complete: holding.state === "complete",
      last: last.has(holding.version.id),
    }));
  }

  async #rescue(holding: H): Promise<H | undefined> {
    const rest = await this.rescue(holding);
    if (rest !== undefined) this.shelve(rest);
    return rest;
  }

  async #drop(holding: H, rescue?: (holding: H) => Promise<H | undefined>): Promise<void> {
    const { id, taskId } = holding.version;
    this.#holdings.delete(id);
    const siblings = this.#tasks.get(taskId);
    siblings?.delete(holding);
    if (siblings?.size === 0) this.#tasks.delete(taskId);
    this.#usedBytes -= holding.takenBytes;
    const discarded = this.inTurn(id, async () => {
      if (rescue !== undefined) return rescue(holding);
      await this.discard(holding);
      return undefined;
    });
    holding.leave();
    const rest = discarded.catch(() => undefined);
    for (const listener of this.#listeners) listener(id, rest);
    await discarded;
  }

  async #close(): Promise<void> {
    for (const holding of this.#holdings.values()) await holding.settled();
    // What was begun ends first; what comes later finds the store closed.
    await this.#admitting.run(async () => {});
    await this.#turns.idle();
    await this.shut();
  }

  /** `interrupted` once `close` was called. */
  checkOpen(): void {
    if (this.#closed !== undefined) throw new DragonflyError("interrupted", "the store is closed");
  }
}

/** One id names one content, but a record of it may be cut otherwise; such pieces must not mix. */
function isSameCut(ours: VersionRecord, theirs: VersionRecord): boolean {
  const sameLength = ours.length === theirs.length || ours.length === null || theirs.length === null;
  return sameLength && ours.pieceLength === theirs.pieceLength;
}

/** Why a disk is no place for more, and the mend. */
function full(place: string, lackingBytes: number): readonly [why: string, mend: string] {
  return [`the disk of ${place} lacks ${lackingBytes} bytes`, "choose another --data-dir"];
}
