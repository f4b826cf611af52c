// Standard output, a device or a pipe: takes bytes in order, as fast as its reader does.

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { DragonflyError } from "../core/error.ts";
import type { Digest } from "../runtime/get-kinds.ts";
import { DigestChecks } from "./digest-checks.ts";
import { type Output, outputError } from "./output.ts";

export class OutputStream implements Output {
  readonly ordered = true;
  readonly #stream: NodeJS.WritableStream;
  readonly #shown: string;
  readonly #own: boolean;
  readonly #checks: DigestChecks;
  #written = 0;
  #fault: unknown;
  #closed: Promise<void> | undefined;

  /** Over `stream`, or over the file at `path` where that is undefined. */
  constructor(stream: NodeJS.WritableStream | undefined, path: string, digests: readonly Digest[]) {
    this.#own = stream === undefined;
    this.#stream = stream ?? createWriteStream(path, { flags: "w" });
    this.#shown = path;
    this.#checks = new DigestChecks(digests);
    this.#stream.on("error", this.#onError);
  }

  async begin(): Promise<void> {
    if (this.#written === 0) return;
    const shown = this.#shown === "-" ? "standard output" : this.#shown;
    throw new DragonflyError("origin-changed", `the content changed when ${shown} had taken a part of it already`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#checks.update(bytes);
    this.#written += bytes.length;
    // The caller reuses its buffer, so the chunk must have left it: a callback says so, "drain" would not.
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error ? reject(outputError(error, this.#shown)) : resolve()));
    });
  }

  async finish(bytes: number): Promise<void> {
    if (this.#written !== bytes)
      throw new DragonflyError("internal", `${this.#written} of ${bytes} bytes were written`);
    this.#checks.verify();
    await this.#end();
    if (this.#fault !== undefined) throw outputError(this.#fault, this.#shown);
  }

  async discard(): Promise<void> {
    await this.#end();
    this.#stream.off("error", this.#onError);
  }

  discardNow(): void {}

  /** Only what was opened here is closed here. */
  #end(): Promise<void> {
    if (!this.#own) return Promise.resolve();
    this.#closed ??= once(this.#stream.end(), "close").then(
      () => {},
      (error: unknown) => {
        this.#fault ??= error;
      },
    );
    return this.#closed;
  }

  readonly #onError = (error: unknown): void => {
    this.#fault ??= error;
  };
}
