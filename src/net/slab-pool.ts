// Buffers that pieces are received into and sent from. Allocated once and reused, because a fresh buffer for every piece costs page faults
// that halve the speed; bounded by one budget, so that whoever finds none free stops reading instead of growing.
//
// A slab may be given back under a name, and is then lent again with its bytes to whoever asks for that name before the room is needed: a piece
// that has just come is soon asked for by others, and is sent without reading it back.

import { DragonflyError } from "../core/error.ts";
import { maxPieceLength, minPieceLength } from "../core/version.ts";

/** A buffer on loan. Whoever holds it releases it once, and touches `bytes` no more. */
export interface Slab {
  /** Exactly as long as was asked for. */
  readonly bytes: Buffer;
  /** Makes `bytes` end earlier, for a piece that turned out shorter than expected. */
  shorten(lengthBytes: number): void;
  /** Idempotent, and so is `keep`: whichever comes first counts. */
  release(): void;
  /** Gives it back, to be had by `recall` for a while: its bytes are what is called so. */
  keep(name: string): void;
}

export interface SlabPoolOptions {
  /** All slabs together, lent and idle. At least one of the largest piece. */
  readonly budgetBytes?: number;
  /** A slab that nobody used for so long goes back to the system. */
  readonly idleMs?: number;
}

const classBytes: readonly number[] = [64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
const maxWaiters = 65_536;
/** Rather than overwrite what has a name, so much is taken from the system. */
const rememberedBytes = 16 * 1024 * 1024;

interface IdleSlab {
  readonly buffer: Buffer;
  readonly sinceMs: number;
  readonly named: Named | undefined;
}

interface Named {
  readonly name: string;
  readonly index: number;
  readonly lengthBytes: number;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: (slab: Slab) => void;
}

export class SlabPool {
  readonly budgetBytes: number;
  readonly #idleMs: number;
  /** By size class; the most recently used last, being the one still in the processor's cache. */
  readonly #idle: readonly IdleSlab[][] = classBytes.map(() => []);
  readonly #named = new Map<string, IdleSlab>();
  readonly #waiters = new Set<Waiter>();
  #allocatedBytes = 0;
  #lentBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SlabPoolOptions = {}) {
    this.budgetBytes = options.budgetBytes ?? 48 * 1024 * 1024;
    this.#idleMs = options.idleMs ?? 5000;
    if (this.budgetBytes < maxPieceLength) {
      throw new DragonflyError("bad-config", `the piece buffers need at least ${maxPieceLength} bytes`);
    }
  }

  /** Bytes of slabs that somebody holds. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes taken from the system. */
  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** A slab now, or undefined when the budget is lent out or others wait already. `bytes` is at most the largest piece. */
  acquire(bytes: number): Slab | undefined {
    return this.#waiters.size > 0 ? undefined : this.#take(bytes);
  }

  /** First come, first served. Rejects with `interrupted` when the signal fires, with `overloaded` when the line is too long. */
  acquireWhenFree(bytes: number, signal: AbortSignal): Promise<Slab> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(interrupted());
      const slab = this.acquire(bytes);
      if (slab !== undefined) return resolve(slab);
      if (this.#waiters.size >= maxWaiters) {
        return reject(new DragonflyError("overloaded", "too many wait for a piece buffer"));
      }
      const leave = (): void => {
        this.#waiters.delete(waiter);
        reject(interrupted());
        this.#serve();
      };
      const waiter: Waiter = {
        bytes,
        grant: (granted) => {
          signal.removeEventListener("abort", leave);
          resolve(granted);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** The slab that was given back under this name, as it was; undefined when its room was needed, or somebody has it. */
  recall(name: string): Slab | undefined {
    const slab = this.#named.get(name);
    if (slab?.named === undefined) return undefined;
    const { index, lengthBytes } = slab.named;
    const idle = this.#idle[index] ?? [];
    idle.splice(idle.lastIndexOf(slab), 1);
    this.#named.delete(name);
    return this.#lend(index, slab.buffer, lengthBytes);
  }

  /** Gives what is idle back to the system at once. Slabs on loan stay valid. */
  trim(): void {
    for (const index of this.#idle.keys()) while (this.#discard(index));
  }

  #take(bytes: number): Slab | undefined {
    const index = classOf(bytes);
    const size = classBytes[index] ?? maxPieceLength;
    let buffer = this.#reuse(index, this.#allocatedBytes + size > rememberedBytes);
    if (buffer === undefined) {
      if (!this.#makeRoom(size)) return undefined;
      buffer = Buffer.allocUnsafeSlow(size);
      this.#allocatedBytes += size;
    }
    return this.#lend(index, buffer, bytes);
  }

  #lend(index: number, buffer: Buffer, bytes: number): Slab {
    this.#lentBytes += buffer.length;
    return new LentSlab(buffer, bytes, (returned, name, lengthBytes) => {
      this.#giveBack(returned, name === undefined ? undefined : { name, index, lengthBytes }, index);
    });
  }

  /** One that is still in the processor's cache; of those with names, if it must be, the one that was given back first. */
  #reuse(index: number, evenNamed: boolean): Buffer | undefined {
    const idle = this.#idle[index] ?? [];
    const at = idle.findLastIndex(({ named }) => named === undefined);
    if (at < 0 && !evenNamed) return undefined;
    return this.#remove(index, Math.max(0, at));
  }

  #remove(index: number, at: number): Buffer | undefined {
    const [slab] = this.#idle[index]?.splice(at, 1) ?? [];
    if (slab?.named !== undefined && this.#named.get(slab.named.name) === slab) this.#named.delete(slab.named.name);
    return slab?.buffer;
  }

  /** Gives one back to the system; returns whether there was one. */
  #discard(index: number): boolean {
    const buffer = this.#remove(index, 0);
    this.#allocatedBytes -= buffer?.length ?? 0;
    return buffer !== undefined;
  }

  /** Gives up idle slabs of other sizes until this many bytes fit the budget; largest first, to keep the many small ones. */
  #makeRoom(bytes: number): boolean {
    if (this.#lentBytes + bytes > this.budgetBytes) return false;
    for (let index = classBytes.length - 1; index >= 0; index--) {
      while (this.#allocatedBytes + bytes > this.budgetBytes && this.#discard(index));
    }
    return this.#allocatedBytes + bytes <= this.budgetBytes;
  }

  #giveBack(buffer: Buffer, named: Named | undefined, index: number): void {
    this.#lentBytes -= buffer.length;
    const slab: IdleSlab = { buffer, sinceMs: performance.now(), named };
    this.#idle[index]?.push(slab);
    if (named !== undefined) this.#named.set(named.name, slab);
    this.#serve();
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#idleMs).unref();
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const slab = this.#take(waiter.bytes);
      if (slab === undefined) return;
      this.#waiters.delete(waiter);
      waiter.grant(slab);
    }
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const before = performance.now() - this.#idleMs;
    let left = 0;
    for (const [index, slabs] of this.#idle.entries()) {
      while (slabs[0] !== undefined && slabs[0].sinceMs <= before) this.#discard(index);
      left += slabs.length;
    }
    if (left > 0) this.#sweeper = setTimeout(() => this.#sweep(), this.#idleMs).unref();
  }
}

type GiveBack = (buffer: Buffer, name: string | undefined, lengthBytes: number) => void;

class LentSlab implements Slab {
  #bytes: Buffer;
  readonly #buffer: Buffer;
  #giveBack: GiveBack | undefined;

  constructor(buffer: Buffer, lengthBytes: number, giveBack: GiveBack) {
    this.#buffer = buffer;
    this.#bytes = lengthBytes === buffer.length ? buffer : buffer.subarray(0, lengthBytes);
    this.#giveBack = giveBack;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  shorten(lengthBytes: number): void {
    this.#bytes = this.#bytes.subarray(0, lengthBytes);
  }

  release(): void {
    this.#end(undefined);
  }

  keep(name: string): void {
    this.#end(name);
  }

  #end(name: string | undefined): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.(this.#buffer, name, this.#bytes.length);
  }
}

function classOf(bytes: number): number {
  if (!(bytes >= 0 && bytes <= maxPieceLength)) {
    throw new DragonflyError("internal", `no piece buffer holds ${bytes} bytes`);
  }
  return bytes <= minPieceLength ? 0 : Math.ceil(Math.log2(bytes / minPieceLength));
}

function interrupted(): DragonflyError {
  return new DragonflyError("interrupted", "the wait for a piece buffer was given up");
}
