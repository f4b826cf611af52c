// Reads a content from its origin once, in pieces: over several connections where the origin serves parts, in one stream where it does
// not. Every byte is asked for once unless a connection breaks. Whoever has no supernode reads this way too.
//
// Theory of operation: PartPlan cuts what is not held into parts in file order; a few workers take one after another, each through a
// PartReader, which survives broken connections; PieceOutlet hands full pieces to the sink with few buffers and keeps the digest of the
// whole. A worker that fails while others succeed returns its part and leaves: the origin permits fewer connections.

import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Bitset } from "../core/bitset.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { Origin, OriginInfo, OriginRequest } from "./origin.ts";
import { interruption } from "./origin-error.ts";
import { PartPlan } from "./part-plan.ts";
import { PartReader, type PartSource, type RateGate, type Stream } from "./part-reader.ts";
import { type PieceBuffer, PieceOutlet } from "./piece-outlet.ts";
import { defaultRetry, outageMs, type RetryPolicy } from "./retry.ts";

const MIB = 1024 * 1024;

export interface OriginReaderOptions {
  readonly origin: Origin;
  readonly request: OriginRequest;
  /** What `Origin.open` told; with its body the reader begins, without one it asks for the first part as for any other. */
  readonly opened: {
    readonly info: OriginInfo;
    readonly body?: Readable | undefined;
    readonly bodyLength?: number | null | undefined;
  };
  readonly pieceLength: number;
  /** Pieces that are not asked for. It may grow while the reader runs, and pieces that it gains in time are left out as well. */
  readonly held: Bitset;
  readonly gate: RateGate;
  /** A buffer of at least `pieceLength` bytes from a bounded pool. */
  acquire(signal: AbortSignal): Promise<PieceBuffer>;
  /** Takes one piece; its buffer is used anew when the promise resolves. Pieces come in no order, several at once. */
  sink(index: PieceIndex, bytes: Uint8Array): Promise<void>;
  /** Reads a piece that is held or that the sink has taken; resolves to its length in bytes. Without it there may be no digest. */
  readBack?(index: PieceIndex, into: Uint8Array): Promise<number>;
  /** Told of all bytes received, also of those that a broken connection made us read twice. */
  onBytes?(bytes: number): void;
  /** How many bytes the next part may be; resolves when it is time to read it. Without it parts are as large as suits the origin. */
  readonly turn?: (signal: AbortSignal) => Promise<number>;
  /** To be read before all but what the body brings, where the origin serves parts. */
  readonly first?: { readonly from: PieceIndex; readonly to: PieceIndex } | undefined;
  readonly signal: AbortSignal;
  readonly limits?: Partial<OriginReaderLimits>;
}

export interface OriginReaderLimits {
  readonly connections: number;
  readonly maxBuffers: number;
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  /** Silence after which a connection counts as broken; three times that where all would have to be read again. */
  readonly stallMs: number;
  readonly retry: RetryPolicy;
  /** An origin that gave something and then answers with errors, or not at all, is asked again for so long, whatever `retry` says. */
  readonly outageMs: number;
}

export const defaultOriginReaderLimits: OriginReaderLimits = {
  connections: 4,
  maxBuffers: 8,
  minPartBytes: 4 * MIB,
  maxPartBytes: 16 * MIB,
  stallMs: 10_000,
  retry: defaultRetry,
  outageMs,
};

/** So long at most is the content's first piece read alone. */
const headStartMs = 50;

export interface OriginReadResult {
  readonly length: number;
  /** Of the whole content, 64 hexadecimal digits; undefined when not all of it passed in order and could not be read back. */
  readonly sha256: string | undefined;
}

export class OriginReader {
  readonly #options: OriginReaderOptions;
  readonly #limits: OriginReaderLimits;
  readonly #stop = new AbortController();
  readonly #outlet: PieceOutlet;
  readonly #source: PartSource;
  readonly #plan: PartPlan | undefined;
  /** Parts that a worker gave up. */
  readonly #returned: PartReader[] = [];
  #workers = 0;
  readonly #working = new Set<Promise<void>>();
  #readsFirst = false;
  /** Ends the head start. */
  #goOn: () => void = () => {};
  #failure: { readonly error: unknown } | undefined;
  #endOfStream = 0;

  constructor(options: OriginReaderOptions) {
    this.#options = options;
    this.#limits = { ...defaultOriginReaderLimits, ...options.limits };
    const { pieceLength, held } = options;
    const { info } = options.opened;
    const signal = this.#stop.signal;
    this.#outlet = new PieceOutlet({
      pieceLength,
      held,
      acquire: (abort) => options.acquire(abort),
      sink: (index, bytes) => {
        this.#goOn();
        return options.sink(index, bytes);
      },
      readBack: options.readBack === undefined ? undefined : (index, into) => this.#readBack(index, into),
      // Each part may keep one while it waits for a connection.
      maxBuffers: Math.max(this.#limits.maxBuffers, this.#limits.connections + 2),
      signal,
      onFailure: (error) => this.#fail(error),
    });
    const ranged = info.ranged && info.length !== null;
    this.#source = {
      origin: options.origin,
      request: options.request,
      info,
      ranged,
      pieceLength,
      held,
      outlet: this.#outlet,
      gate: options.gate,
      retry: this.#limits.retry,
      outageMs: this.#limits.outageMs,
      stallMs: this.#limits.stallMs * (ranged ? 1 : 3),
      onBytes: (bytes) => options.onBytes?.(bytes),
      signal,
    };
    if (info.length !== null) {
      this.#plan = new PartPlan({ length: info.length, pieceLength, held, ...this.#limits });
      if (ranged && options.first !== undefined) this.#plan.readFirst(options.first.from, options.first.to);
    }
  }

  /** Reads it all; to be called once. Rejects with the first failure, or with `interrupted`, and leaves no connection either way. */
  async read(): Promise<OriginReadResult> {
    const { signal, opened } = this.#options;
    const interrupt = (): void => this.#fail(interruption(signal));
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    try {
      await this.#readParts();
      await this.#outlet.drained();
      if (this.#failure !== undefined) throw this.#failure.error;
      const length = opened.info.length ?? this.#endOfStream;
      const { digest } = this.#outlet;
      return { length, sha256: digest.at === length ? digest.hex() : undefined };
    } finally {
      signal.removeEventListener("abort", interrupt);
      for (const reader of this.#returned) reader.abandon();
      opened.body?.destroy();
    }
  }

  /** Somebody waits for these pieces: a connection of their own brings them, unless they are on their way. For ranged origins only. */
  readFirst(from: PieceIndex, to: PieceIndex): void {
    if (!this.#source.ranged || this.#workers === 0 || this.#plan?.readFirst(from, to) !== true || this.#readsFirst)
      return;
    const part = this.#plan.nextFirst();
    if (part === undefined) return;
    this.#readsFirst = true;
    this.#start(new PartReader(this.#source, part), { isFirst: true });
  }

  async #readParts(): Promise<void> {
    const { opened } = this.#options;
    const { ranged } = this.#source;
    opened.body?.on("error", () => {});
    const start = (reader: PartReader | undefined, stream?: Stream): void => {
      if (reader === undefined) opened.body?.destroy();
      else this.#start(reader, { stream });
    };
    if (!ranged) {
      start(this.#wholePart(), this.#opening(opened.info.length));
    } else if (opened.body !== undefined) {
      const bodyLength = opened.bodyLength ?? opened.info.length ?? 0;
      const part = this.#plan?.front(bodyLength);
      start(part && new PartReader(this.#source, part), this.#opening(bodyLength));
    }
    let left = ranged ? this.#limits.connections - this.#working.size : 0;
    if (left > 0 && this.#working.size > 0) await this.#headStart();
    for (; left > 0; left--) {
      const reader = this.#next(false, await this.#turn());
      if (reader === undefined) break;
      this.#start(reader, {});
    }
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  /** Whoever wants the content now waits for its front, which is not to share the line with the rest at once. */
  async #headStart(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const over = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    const timer = setTimeout(this.#goOn, headStartMs);
    await over;
    clearTimeout(timer);
  }

  #start(reader: PartReader, how: { readonly stream?: Stream | undefined; readonly isFirst?: boolean }): void {
    this.#workers++;
    const working: Promise<void> = this.#work(reader, how.stream, how.isFirst ?? false).finally(() => {
      this.#working.delete(working);
    });
    this.#working.add(working);
  }

  #opening(to: number | null): Stream | undefined {
    const { body } = this.#options.opened;
    return body && { body, from: 0, to };
  }

  /** All of a content that comes in one stream, up to its last piece that is not held. */
  #wholePart(): PartReader | undefined {
    const { length } = this.#options.opened.info;
    const part = length === null ? { start: 0, end: null, at: 0 } : this.#plan?.front(length);
    return part && new PartReader(this.#source, part);
  }

  /** `isFirst`: for what is waited for alone, as long as others read the rest. */
  async #work(first: PartReader, stream: Stream | undefined, isFirst: boolean): Promise<void> {
    let reader: PartReader | undefined = first;
    let given = stream;
    try {
      while (reader !== undefined) {
        const current: PartReader = reader;
        if (!(await current.run(given, () => this.#giveUp(current)))) return;
        // The connection can serve the next part only in the loop's next turn; asking now would open another one.
        await nextTurn();
        given = undefined;
        this.#endOfStream = current.part.at;
        const aside = isFirst && this.#workers > 1;
        reader = this.#next(aside, aside ? undefined : await this.#turn());
      }
    } catch (error) {
      reader?.abandon();
      this.#fail(error);
    } finally {
      if (isFirst) this.#readsFirst = false;
    }
    this.#workers--;
  }

  /** Leaves a part to the other workers, if there are any. Done in one step, or the last two could leave at once. */
  #giveUp(reader: PartReader): boolean {
    if (this.#workers === 1) return false;
    this.#workers--;
    this.#returned.push(reader);
    return true;
  }

  /** How many bytes the next part may be; waits until it is time to read it, where there is one. */
  async #turn(): Promise<number | undefined> {
    const { turn } = this.#options;
    if (turn === undefined || this.#returned.length > 0 || this.#plan?.hasNext !== true) return undefined;
    return turn(this.#stop.signal);
  }

  #next(aside: boolean, mostBytes?: number): PartReader | undefined {
    if (!this.#source.ranged || this.#stop.signal.aborted) return undefined;
    if (aside) {
      const ahead = this.#plan?.nextFirst();
      return ahead && new PartReader(this.#source, ahead);
    }
    const returned = this.#returned.shift();
    if (returned !== undefined) return returned;
    const part = this.#plan?.next(mostBytes);
    return part && new PartReader(this.#source, part);
  }

  async #readBack(index: PieceIndex, into: Uint8Array): Promise<number> {
    return (await this.#options.readBack?.(index, into)) ?? 0;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
    this.#goOn();
  }
}
