// Where the bytes of a link go as they leave the kernel: heads and small frames to a scratch buffer, the bytes of a piece straight to
// their place in its slab. The socket asks `target` where to put what comes next and tells `received` what came.
//
// One piece at a time is half-filled on a link, so a link that waits for a slab holds none, and links cannot wait for each other.

import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import { type Frame, maxPartBytes, type PartFrame, partHeadBytes } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import type { Slab, SlabPool } from "./slab-pool.ts";

const scratchBytes = 4096;
/** Bytes nobody wants any more land here, whatever link they come from: it is never read. */
const drain = Buffer.allocUnsafeSlow(maxPartBytes);

/** What the receiver tells its link, and asks it. */
export interface Arrivals {
  frame(frame: Exclude<Frame, PartFrame>): void;
  /** How long this piece may be at most; undefined when it was cancelled. Throws when nobody asked for it. */
  expect(part: PartFrame): number | undefined;
  progress(part: PartFrame, bytesSoFar: number): void;
  /** The slab is the link's from here on. */
  piece(part: PartFrame, slab: Slab): void;
  /** A slab has come that `received` had to stop for, and what was there has been processed: read on. */
  resume(): void;
  /** The other side broke the protocol. */
  violated(error: DragonflyError): void;
}

interface Landing {
  /** Of the part that comes in now. */
  part: PartFrame;
  readonly slab: Slab;
  filledBytes: number;
  abandoned: boolean;
}

export class PieceReceiver {
  readonly #slabs: SlabPool;
  readonly #arrivals: Arrivals;
  readonly #decoder = new FrameDecoder("server");
  readonly #scratch = Buffer.allocUnsafe(scratchBytes);
  #landing: Landing | undefined;
  /** The kernel may write into the landing's slab at any moment. */
  #exposed = false;
  /** The part that no slab was free for; the socket is paused meanwhile. */
  #wait: { readonly part: PartFrame; readonly giveUp: AbortController } | undefined;
  #ended = false;

  constructor(slabs: SlabPool, arrivals: Arrivals) {
    this.#slabs = slabs;
    this.#arrivals = arrivals;
  }

  /** Where the next bytes are to be put. */
  target(): Buffer {
    const landing = this.#landing;
    const missing = this.#decoder.bodyBytes;
    this.#exposed = false;
    if (missing === 0 || this.#wait !== undefined || this.#ended) return this.#scratch;
    if (landing === undefined) return missing > scratchBytes ? drain.subarray(0, missing) : this.#scratch;
    this.#exposed = true;
    const from = landing.filledBytes;
    // Room for the head of the next part, which overwrites it: one system call a part instead of two.
    const end = Math.min(from + missing + partHeadBytes, landing.slab.bytes.length);
    return landing.slab.bytes.subarray(from, landing.part.last ? from + missing : end);
  }

  /** Bytes are at the front of what `target` gave last. False: read no more until `resume`. */
  received(count: number, buffer: Uint8Array): boolean {
    if (buffer === this.#scratch) return this.accept(Buffer.from(buffer.buffer, buffer.byteOffset, count));
    try {
      const body = Math.min(count, this.#decoder.bodyBytes);
      this.#decoder.skipBody(body);
      const landing = this.#landing;
      if (landing !== undefined) this.#landed(landing, body);
      // By far the most: the middle of a part.
      if (body === count && this.#landing === landing && landing?.abandoned === false) return !this.#ended;
      return this.#process(Buffer.from(buffer.buffer, buffer.byteOffset + body, count - body));
    } catch (error) {
      this.#arrivals.violated(DragonflyError.from(error));
      return false;
    }
  }

  /** Bytes of the link that came otherwise, such as those behind the HTTP head. */
  accept(bytes: Buffer): boolean {
    try {
      return this.#process(bytes);
    } catch (error) {
      this.#arrivals.violated(DragonflyError.from(error));
      return false;
    }
  }

  /** The rest of this piece is not wanted. Its slab is free as soon as the kernel cannot write into it any more. */
  abandon(channel: number, piece: PieceIndex): void {
    const wait = this.#wait;
    if (wait?.part.channel === channel && wait.part.piece === piece) wait.giveUp.abort();
    const landing = this.#landing;
    if (landing?.part.channel !== channel || landing.part.piece !== piece) return;
    landing.abandoned = true;
    if (!this.#exposed) this.#drop(landing);
  }

  /** Call it when the socket is destroyed, not before: then the kernel writes no more. */
  close(): void {
    this.#ended = true;
    this.#wait?.giveUp.abort();
    if (this.#landing !== undefined) this.#drop(this.#landing);
  }

  #process(input: Buffer): boolean {
    this.#decoder.push(input);
    return this.#run();
  }

  /** Returns whether to read on. */
  #run(): boolean {
    while (!this.#ended) {
      this.#dropAbandoned();
      if (this.#wait !== undefined) return false;
      if (this.#decoder.bodyBytes > 0) {
        const body = this.#decoder.takeBody();
        if (body.length === 0) break;
        const landing = this.#landing;
        if (landing !== undefined) {
          landing.slab.bytes.set(body, landing.filledBytes);
          this.#landed(landing, body.length);
        }
        continue;
      }
      const frame = this.#decoder.next();
      if (frame === undefined) break;
      if (frame.type === "part") this.#begin(frame);
      else this.#arrivals.frame(frame);
    }
    this.#exposed = false;
    this.#dropAbandoned();
    return !this.#ended;
  }

  #begin(part: PartFrame): void {
    const expectedBytes = this.#arrivals.expect(part);
    const landing = this.#landing;
    if (landing !== undefined && (landing.part.channel !== part.channel || landing.part.piece !== part.piece)) {
      throw violation("two pieces mixed");
    }
    if (expectedBytes === undefined) return;
    if (landing === undefined) {
      if (part.offset !== 0) throw violation("the middle of a piece before its beginning");
      if (part.lengthBytes > expectedBytes) throw violation("a piece longer than it is");
      const slab = this.#slabs.acquire(expectedBytes);
      if (slab === undefined) this.#await(part, expectedBytes);
      else this.#landing = { part, slab, filledBytes: 0, abandoned: false };
      return;
    }
    if (part.offset !== landing.filledBytes) throw violation("a piece with a gap");
    if (part.offset + part.lengthBytes > expectedBytes) throw violation("a piece longer than it is");
    landing.part = part;
  }

  #landed(landing: Landing, bytes: number): void {
    landing.filledBytes += bytes;
    if (landing.abandoned) return;
    const { part, slab, filledBytes } = landing;
    if (this.#decoder.bodyBytes > 0 || !part.last) {
      if (this.#decoder.bodyBytes === 0 && filledBytes === slab.bytes.length) throw violation("a piece without an end");
      return this.#arrivals.progress(part, filledBytes);
    }
    this.#landing = undefined;
    if (filledBytes < slab.bytes.length) slab.shorten(filledBytes);
    this.#arrivals.piece(part, slab);
  }

  #await(part: PartFrame, expectedBytes: number): void {
    const giveUp = new AbortController();
    this.#wait = { part, giveUp };
    this.#slabs.acquireWhenFree(expectedBytes, giveUp.signal).then(
      (slab) => this.#proceed(part, slab),
      (error) => {
        if (giveUp.signal.aborted) this.#proceed(part, undefined);
        else if (!this.#ended) this.#arrivals.violated(DragonflyError.from(error));
      },
    );
  }

  #proceed(part: PartFrame, slab: Slab | undefined): void {
    this.#wait = undefined;
    if (this.#ended) return slab?.release();
    try {
      // It may have been cancelled meanwhile.
      if (slab !== undefined && this.#arrivals.expect(part) === undefined) slab.release();
      else if (slab !== undefined) this.#landing = { part, slab, filledBytes: 0, abandoned: false };
      if (this.#run()) this.#arrivals.resume();
    } catch (error) {
      this.#arrivals.violated(DragonflyError.from(error));
    }
  }

  #dropAbandoned(): void {
    if (this.#landing?.abandoned) this.#drop(this.#landing);
  }

  #drop(landing: Landing): void {
    this.#landing = undefined;
    landing.slab.release();
  }
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the other host sent ${what}`);
}
