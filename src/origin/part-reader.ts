// Reads one part of a content to its end, however often the connection breaks: cuts what comes into pieces, paces it, notices silence,
// and resumes at the byte where it stopped. A server without ranges begins anew, and what it repeats must be what it sent before.

import type { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { publicUrl } from "../wire/public-url.ts";
import type { Origin, OriginInfo, OriginRequest } from "./origin.ts";
import { interruption, isTransient, originFailure } from "./origin-error.ts";
import type { Part } from "./part-plan.ts";
import type { PieceBuffer, PieceOutlet } from "./piece-outlet.ts";
import { PrefixDigest } from "./prefix-digest.ts";
import { pause, type RetryPolicy, retryDelayMs } from "./retry.ts";
import { StallWatch } from "./stall-watch.ts";

/** A rate limit that several readers may share; `net/rate-gate.ts` is one. */
export interface RateGate {
  /** Lets the bytes pass, or says that it is too early. */
  pass(bytes: number): boolean;
  /** Resolves when asking again is worth it. */
  wait(signal: AbortSignal): Promise<void>;
}

/** What all parts of one content have in common. */
export interface PartSource {
  readonly origin: Origin;
  readonly request: OriginRequest;
  readonly info: OriginInfo;
  /** Parts can be asked for; otherwise each connection begins at the content's first byte. */
  readonly ranged: boolean;
  readonly pieceLength: number;
  readonly held: Bitset;
  readonly outlet: PieceOutlet;
  readonly gate: RateGate;
  readonly retry: RetryPolicy;
  readonly outageMs: number;
  readonly stallMs: number;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** A connection's bytes and which of the content they are. */
export interface Stream {
  readonly body: Readable;
  readonly from: number;
  /** Where it should end; null when that is not known. */
  readonly to: number | null;
}

/** What a socket has is read without end while there is more: so often others get their turn, who wait for the pieces that are there. */
const bytesPerTurn = 128 * 1024;
/** An answer that has given all that was asked for should end; one that does not is closed after this time. */
const lingerMs = 1_000;

export class PartReader {
  readonly part: Part;
  readonly #source: PartSource;
  #buffer: PieceBuffer | undefined;
  /** The stream came to a clean end at `part.at`. */
  #ended = false;
  /** The last attempt got no answer to read from. */
  #unanswered = false;

  constructor(source: PartSource, part: Part) {
    this.#source = source;
    this.part = part;
  }

  /**
   * Resolves to true when the part is read, to false when it failed twice in a row and `yieldTo` has left it to another: the origin
   * seems to permit fewer connections. It can be run again from the moment on at which `yieldTo` returns true.
   */
  async run(first: Stream | undefined, yieldTo: () => boolean): Promise<boolean> {
    const { retry, outageMs, signal } = this.#source;
    let stream = first;
    let goodAtMs = performance.now();
    for (let failures = 0; ; ) {
      const before = this.part.at;
      const fault = await this.#attempt(stream);
      if (fault === undefined) return true;
      stream = undefined;
      const progressed = this.part.at > before;
      failures = progressed ? 1 : failures + 1;
      if (progressed) goodAtMs = performance.now();
      const isOutage = this.#unanswered && performance.now() - goodAtMs < outageMs;
      if (failures >= retry.tries && !isOutage) throw fault;
      if (failures >= 2 && yieldTo()) return false;
      // A server may give less than was asked for (RFC 9110, section 14.2): the rest is not a retry.
      if (progressed && this.#ended) continue;
      await pause(retryDelayMs(retry, failures, fault.retryAfterMs), signal);
    }
  }

  /** Gives back the buffer of a piece that will not be finished. */
  abandon(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
  }

  /** Undefined when the part is complete, else what broke it; throws what no other try can mend. */
  async #attempt(given: Stream | undefined): Promise<DragonflyError | undefined> {
    const { request, signal } = this.#source;
    let stream = given;
    this.#ended = false;
    this.#unanswered = stream === undefined;
    try {
      stream ??= await this.#connect();
      this.#unanswered = false;
      await this.#pump(stream);
      return this.#isComplete() ? undefined : this.#truncated();
    } catch (thrown) {
      if (!signal.aborted && this.#isComplete() && !(thrown instanceof DragonflyError)) return undefined;
      const fault = originFailure(thrown, request.url, signal);
      if (signal.aborted || this.#isComplete() || !isTransient(fault)) throw fault;
      const cut = stream !== undefined && !(thrown instanceof DragonflyError);
      return cut && this.part.end !== null ? this.#truncated(fault) : fault;
    }
  }

  async #connect(): Promise<Stream> {
    const { origin, request, info, ranged, signal } = this.#source;
    const { at, end } = this.part;
    const from = ranged ? at : 0;
    const to = ranged ? end : info.length;
    return { body: await origin.read(request, info, from, to, signal), from, to };
  }

  async #pump({ body, from, to }: Stream): Promise<void> {
    const { stallMs, onBytes, signal } = this.#source;
    const abort = (): void => void body.destroy(interruption(signal));
    // Destroying a stream that nobody reads any more must not end the process.
    body.on("error", () => {});
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const watch = new StallWatch(stallMs, () => body.destroy(this.#isComplete() ? undefined : this.#silent()));
    const echo = new Echo(this.part.at - from);
    let left = bytesPerTurn;
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        watch.pause();
        onBytes(chunk.length);
        const fresh = echo.take(chunk);
        if (echo.isOver && fresh.length < chunk.length && !this.#isEcho(echo)) throw this.#changed();
        await this.#fill(fresh);
        await this.#pace(chunk.length);
        left -= chunk.length;
        if (left <= 0) {
          await turn();
          left = bytesPerTurn;
        }
        if (this.part.at === this.part.end) {
          if (to !== this.part.end) return;
          watch.shorten(lingerMs);
        }
        watch.resume();
      }
      if (!echo.isOver) throw this.#changed();
      this.#ended = true;
      if (this.part.end === null) this.#deliver();
    } finally {
      watch.stop();
      signal.removeEventListener("abort", abort);
      body.destroy();
    }
  }

  async #fill(chunk: Uint8Array): Promise<void> {
    const { pieceLength, held, outlet } = this.#source;
    let rest = chunk;
    while (rest.length > 0) {
      const { at, end } = this.part;
      const index = Math.floor(at / pieceLength);
      const pieceEnd = Math.min((index + 1) * pieceLength, end ?? Number.POSITIVE_INFINITY);
      if (pieceEnd === at) throw this.#excessive();
      if (at === index * pieceLength && !held.has(index)) this.#buffer ??= await outlet.acquire();
      const bytes = rest.subarray(0, pieceEnd - at);
      this.#buffer?.bytes.set(bytes, at - index * pieceLength);
      outlet.digest.offer(at, bytes);
      this.part.at = at + bytes.length;
      if (this.part.at === pieceEnd) this.#deliver();
      rest = rest.subarray(bytes.length);
    }
  }

  /** Hands on the piece that ends at `part.at`, whole or the content's last. */
  #deliver(): void {
    if (this.#buffer === undefined) return;
    const { pieceLength, outlet } = this.#source;
    const index = Math.ceil(this.part.at / pieceLength) - 1;
    outlet.deliver(index, this.#buffer, this.part.at - index * pieceLength);
    this.#buffer = undefined;
  }

  async #pace(bytes: number): Promise<void> {
    const { gate, signal } = this.#source;
    while (!gate.pass(bytes)) await gate.wait(signal);
  }

  #isComplete(): boolean {
    return this.part.end === null ? this.#ended : this.part.at === this.part.end;
  }

  /** Whether a server that began anew repeated what is already read. */
  #isEcho(echo: Echo): boolean {
    const { digest } = this.#source.outlet;
    return digest.at !== echo.length || digest.hex() === echo.hex();
  }

  get #shown(): string {
    return publicUrl(this.#source.request.url);
  }

  #silent(): DragonflyError {
    const seconds = this.#source.stallMs / 1000;
    return new DragonflyError("origin-unreachable", `the origin sent nothing for ${seconds} s for ${this.#shown}`);
  }

  #truncated(cause?: unknown): DragonflyError {
    return new DragonflyError(
      "origin-truncated",
      `the origin breaks off at byte ${this.part.at} of ${this.#source.info.length ?? "unknown"} for ${this.#shown}`,
      { cause },
    );
  }

  #excessive(): DragonflyError {
    const message = `the origin sends more bytes than it announced for ${this.#shown}`;
    return new DragonflyError("origin-truncated", message);
  }

  #changed(): DragonflyError {
    const message = `${this.#shown} changed while it was being read: start the download again`;
    return new DragonflyError("origin-changed", message);
  }
}

/** The bytes that a server repeats when it begins anew. */
class Echo {
  readonly length: number;
  readonly #digest = new PrefixDigest();

  constructor(length: number) {
    this.length = length;
  }

  get isOver(): boolean {
    return this.#digest.at === this.length;
  }

  /** Returns what comes after them. */
  take(chunk: Uint8Array): Uint8Array {
    const repeated = chunk.subarray(0, this.length - this.#digest.at);
    this.#digest.offer(this.#digest.at, repeated);
    return chunk.subarray(repeated.length);
  }

  hex(): string {
    return this.#digest.hex();
  }
}
