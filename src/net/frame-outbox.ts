// Frames that leave a link together. What is said in one turn of the event loop goes out in one write: each write costs a system call here
// and wakes the process at the other end.

import { encodeFrame, type Frame } from "../wire/frame.ts";

/** So much is not gathered any longer. */
const enoughBytes = 64 * 1024;

export class FrameOutbox {
  readonly #flush: () => void;
  #frames: Uint8Array[] = [];
  #bytes = 0;

  /** `flush` is called at the end of the turn, when something waits; it is to `take` and write. */
  constructor(flush: () => void) {
    this.#flush = flush;
  }

  add(frame: Frame): void {
    const bytes = encodeFrame(frame);
    this.#bytes += bytes.length;
    if (this.#frames.push(bytes) === 1) queueMicrotask(this.#flush);
    if (this.#bytes > enoughBytes) this.#flush();
  }

  /** What waits and then `last`, as one; undefined when that is nothing. */
  take(last?: Uint8Array): Uint8Array | undefined {
    const frames = this.#frames;
    if (last !== undefined) frames.push(last);
    this.#frames = [];
    this.#bytes = 0;
    return frames.length > 1 ? Buffer.concat(frames) : frames[0];
  }
}
