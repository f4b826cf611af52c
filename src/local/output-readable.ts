// A stream that a program reads: takes bytes in order, as fast as its reader does. Reading it to the end means that the content is
// complete and has its digests; before that, what is read is verified piece by piece.

import { Readable } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import type { Digest } from "../runtime/get-kinds.ts";
import { DigestChecks } from "./digest-checks.ts";
import type { Output } from "./output.ts";

const bufferBytes = 1 << 20;

export class OutputReadable implements Output {
  readonly ordered = true;
  readonly stream: Readable;
  readonly #checks: DigestChecks;
  #written = 0;
  #resume: () => void = () => {};

  constructor(digests: readonly Digest[]) {
    this.#checks = new DigestChecks(digests);
    this.stream = new Readable({
      highWaterMark: bufferBytes,
      read: () => this.#resume(),
      destroy: (error, done) => {
        this.#resume();
        done(error);
      },
    });
  }

  async begin(): Promise<void> {
    if (this.#written === 0) return;
    throw new DragonflyError("origin-changed", "the content changed when a part of it was read already");
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireReader();
    this.#checks.update(bytes);
    this.#written += bytes.length;
    // The caller reuses its buffer, and the reader may keep what it gets.
    if (this.stream.push(Buffer.from(bytes))) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#requireReader();
  }

  async finish(bytes: number): Promise<void> {
    if (this.#written !== bytes) throw new DragonflyError("internal", `${this.#written} of ${bytes} bytes were given`);
    this.#checks.verify();
    this.#requireReader();
    this.stream.push(null);
  }

  /** Where the end was not reached, the reader is to hear why: whoever knows destroys the stream with it. */
  async discard(): Promise<void> {}

  discardNow(): void {}

  #requireReader(): void {
    if (this.stream.destroyed) throw new DragonflyError("interrupted", "the stream was closed before its end");
  }
}
