// A part of a body, for servers that send everything whatever was asked for: the leading bytes are dropped, the stream ends where the
// part does, and destroying it closes the connection.

import { Readable } from "node:stream";

export class BodySlice extends Readable {
  readonly #body: Readable;
  #skipBytes: number;
  #takeBytes: number;
  #done = false;

  /** `take` is Infinity for a slice to the end. When the body ends before the slice begins, the stream fails with `tooShort()`. */
  constructor(body: Readable, skip: number, take: number, tooShort: () => Error) {
    super();
    this.#body = body;
    this.#skipBytes = skip;
    this.#takeBytes = take;
    // Whoever drops a slice unread does not listen any more, and an error that nobody hears would end the process.
    this.on("error", () => {});
    body.pause();
    body.on("data", (chunk: Uint8Array) => this.#pass(chunk));
    body.on("end", () => (this.#skipBytes > 0 ? this.#fail(tooShort()) : this.#end()));
    body.on("error", (error) => this.#fail(error));
    body.on("close", () => this.#fail(new Error("the body was closed before its end")));
  }

  override _read(): void {
    this.#body.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#done = true;
    this.#body.destroy();
    callback(error);
  }

  #pass(chunk: Uint8Array): void {
    if (this.#done) return;
    const from = Math.min(this.#skipBytes, chunk.length);
    const to = Math.min(chunk.length, from + this.#takeBytes);
    this.#skipBytes -= from;
    this.#takeBytes -= to - from;
    if (to > from && !this.push(chunk.subarray(from, to))) this.#body.pause();
    if (this.#takeBytes === 0) this.#end();
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    this.push(null);
    this.#body.destroy();
  }

  #fail(error: Error): void {
    if (this.#done) return;
    this.destroy(error);
  }
}
