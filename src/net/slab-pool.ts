// Buffers that pieces are received into and sent from. Allocated once and reused, because a fresh buffer for every piece costs page faults
// that halve the speed; bounded by one budget, so that whoever finds none free stops reading instead of growing.

import { DragonflyError } from "../core/error.ts";
import { maxPieceLength, minPieceLength } from "../core/version.ts";

/** A buffer on loan. Whoever holds it releases it once, and touches `bytes` no more. */
export interface Slab {
  /** Exactly as long as was asked for. */
  readonly bytes: Buffer;
  /** Makes `bytes` end earlier, for a piece that turned out shorter than expected. */
  shorten(lengthBytes: number): void;
  /** Idempotent. */
  release(): void;
}

export interface SlabPoolOptions {
  /** All slabs together, lent and idle. At least one of the largest piece. */
  readonly budgetBytes?: number;
  /** A slab that nobody used for so long goes back to the system. */
  readonly idleMs?: number;
}

const classBytes: readonly number[] = [64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
const maxWaiters = 65_536;

interface IdleSlab {
  readonly buffer: Buffer;
  readonly sinceMs: number;
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

  /** Gives what is idle back to the system at once. Slabs on loan stay valid. */
  trim(): void {
    for (const [index, slabs] of this.#idle.entries()) {
      this.#allocatedBytes -= slabs.length * (classBytes[index] ?? 0);
      slabs.length = 0;
    }
  }

  #take(bytes: number): Slab | undefined {
    const index = classOf(bytes);
    const size = classBytes[index] ?? maxPieceLength;
    let buffer = this.#idle[index]?.pop()?.buffer;
    if (buffer === undefined) {
      if (!this.#makeRoom(size)) return undefined;
      buffer = Buffer.allocUnsafeSlow(size);
      this.#allocatedBytes += size;
    }
    this.#lentBytes += size;
    return new LentSlab(buffer, bytes, (returned) => this.#giveBack(index, returned));
  }

  /** Gives up idle slabs of other sizes until this many bytes fit the budget; largest first, to keep the many small ones. */
  #makeRoom(bytes: number): boolean {
    if (this.#lentBytes + bytes > this.budgetBytes) return false;
    for (let index = classBytes.length - 1; index >= 0; index--) {
      while (this.#allocatedBytes + bytes > this.budgetBytes && this.#idle[index]?.shift() !== undefined) {
        this.#allocatedBytes -= classBytes[index] ?? 0;
      }
    }
    return this.#allocatedBytes + bytes <= this.budgetBytes;
  }

  #giveBack(index: number, buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    this.#idle[index]?.push({ buffer, sinceMs: performance.now() });
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
      while (slabs[0] !== undefined && slabs[0].sinceMs <= before) {
        slabs.shift();
        this.#allocatedBytes -= classBytes[index] ?? 0;
      }
      left += slabs.length;
    }
    if (left > 0) this.#sweeper = setTimeout(() => this.#sweep(), this.#idleMs).unref();
  }
}

class LentSlab implements Slab {
  #bytes: Buffer;
  readonly #buffer: Buffer;
  #giveBack: ((buffer: Buffer) => void) | undefined;

  constructor(buffer: Buffer, lengthBytes: number, giveBack: (buffer: Buffer) => void) {
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
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.(this.#buffer);
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
