// The way of pieces from the origin's connections to the sink: few buffers in all, each released when the sink has taken its piece, and
// the digest of the whole content kept on the side.

import { Bitset } from "../core/bitset.ts";
import type { PieceIndex } from "../core/ids.ts";
import { interruption } from "./origin-error.ts";
import { PrefixDigest } from "./prefix-digest.ts";

/** Room for one piece; `release` may be called more than once. */
export interface PieceBuffer {
  readonly bytes: Uint8Array;
  release(): void;
}

export interface PieceOutletOptions {
  readonly pieceLength: number;
  /** Pieces that can be read back besides those that went to the sink. */
  readonly held: Bitset;
  acquire(signal: AbortSignal): Promise<PieceBuffer>;
  sink(index: PieceIndex, bytes: Uint8Array): Promise<void>;
  readonly readBack?: ((index: PieceIndex, into: Uint8Array) => Promise<number>) | undefined;
  readonly maxBuffers: number;
  readonly signal: AbortSignal;
  /** The sink refused a piece: nothing more will come of this. */
  onFailure(error: unknown): void;
}

export class PieceOutlet {
  readonly digest = new PrefixDigest();
  readonly #options: PieceOutletOptions;
  readonly #done = new Bitset();
  readonly #waiting: (() => void)[] = [];
  readonly #sinking = new Set<Promise<void>>();
  #buffers = 0;
  #catchingUp: Promise<void> | undefined;
  #readBackFailed = false;

  constructor(options: PieceOutletOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#wakeAll(), { once: true });
  }

  /** A buffer from the pool, once fewer than the permitted ones are in use. */
  async acquire(): Promise<PieceBuffer> {
    const { maxBuffers, signal } = this.#options;
    while (this.#buffers >= maxBuffers && !signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (signal.aborted) throw interruption(signal);
    this.#buffers++;
    try {
      const buffer = await this.#options.acquire(signal);
      return this.#counted(buffer);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Hands a filled buffer's first bytes to the sink; the buffer is the outlet's from here on. */
  deliver(index: PieceIndex, buffer: PieceBuffer, lengthBytes: number): void {
    const sinking: Promise<void> = this.#sink(index, buffer, lengthBytes).finally(() => this.#sinking.delete(sinking));
    this.#sinking.add(sinking);
  }

  /** Resolves when the sink has taken all that was delivered. */
  async drained(): Promise<void> {
    while (this.#sinking.size > 0) await Promise.all(this.#sinking);
    // The one under way may have looked before the last piece was taken.
    await this.#catchingUp;
    await this.#catchUp();
  }

  /** Reads back what arrived ahead of the digest's prefix, or was held before. Runs once at a time, on the side. */
  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#advance().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  async #sink(index: PieceIndex, buffer: PieceBuffer, lengthBytes: number): Promise<void> {
    try {
      await this.#options.sink(index, buffer.bytes.subarray(0, lengthBytes));
      this.#done.add(index);
    } catch (error) {
      this.#options.onFailure(error);
    } finally {
      buffer.release();
    }
    void this.#catchUp();
  }

  async #advance(): Promise<void> {
    for (let index = this.#readable(); index !== undefined; index = this.#readable()) {
      let buffer: PieceBuffer | undefined;
      try {
        buffer = await this.#options.acquire(this.#options.signal);
        const bytes = (await this.#options.readBack?.(index, buffer.bytes)) ?? 0;
        if (bytes === 0) this.#readBackFailed = true;
        this.digest.offer(index * this.#options.pieceLength, buffer.bytes.subarray(0, bytes));
      } catch {
        // Without it there is no digest of the whole, but the pieces are right all the same.
        this.#readBackFailed = true;
      } finally {
        buffer?.release();
      }
    }
  }

  /** The piece that continues the digest, if it can be read back now. */
  #readable(): PieceIndex | undefined {
    const { pieceLength, held, readBack, signal } = this.#options;
    if (readBack === undefined || this.#readBackFailed || signal.aborted) return undefined;
    const index = this.digest.at / pieceLength;
    return Number.isInteger(index) && (this.#done.has(index) || held.has(index)) ? index : undefined;
  }

  #counted(buffer: PieceBuffer): PieceBuffer {
    let released = false;
    return {
      bytes: buffer.bytes,
      release: () => {
        if (released) return;
        released = true;
        buffer.release();
        this.#free();
      },
    };
  }

  #free(): void {
    this.#buffers--;
    this.#waiting.shift()?.();
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
