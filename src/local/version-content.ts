// The bytes of one version for an output: from the daemon's raw file where this user may open it, which saves a copy through the
// daemon, else over its socket.

import { type FileHandle, open } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import type { Accepted } from "../wire/local-api.ts";
import type { LocalClient } from "./local-client.ts";

const bufferBytes = 1 << 20;

export class VersionContent {
  readonly #version: Accepted;
  readonly #client: LocalClient;
  readonly #buffer: Uint8Array;
  #file: FileHandle | undefined;

  private constructor(version: Accepted, client: LocalClient, file: FileHandle | undefined) {
    this.#version = version;
    this.#client = client;
    this.#file = file;
    this.#buffer = file === undefined ? new Uint8Array(0) : Buffer.allocUnsafeSlow(bufferBytes);
  }

  static async open(version: Accepted, client: LocalClient): Promise<VersionContent> {
    const file = version.file === null ? undefined : await open(version.file, "r").catch(() => undefined);
    return new VersionContent(version, client, file);
  }

  /** `file` or `socket`, to tell the curious. */
  get way(): "file" | "socket" {
    return this.#file === undefined ? "socket" : "file";
  }

  /**
   * The bytes from `start` to before `end`, or to the content's end if that is nearer. Each chunk is valid until the next is asked for.
   */
  async *read(start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let position = start;
    while (this.#file !== undefined && position < end) {
      signal.throwIfAborted();
      const length = Math.min(bufferBytes, end - position);
      const { bytesRead } = await this.#file.read(this.#buffer, 0, length, position);
      if (bytesRead === 0) {
        // Verified pieces are all there, so of an unknown length this is the end.
        if (this.#version.length === null && position > start) return;
        // Shorter than it should be: the daemon has taken the file away. Its socket knows better.
        break;
      }
      yield this.#buffer.subarray(0, bytesRead);
      position += bytesRead;
    }
    if (position >= end) return;
    const response = await this.#client.content(this.#version.versionId, [position, end], signal);
    try {
      for await (const chunk of response) {
        if (!(chunk instanceof Uint8Array)) continue;
        if (position + chunk.length > end)
          throw new DragonflyError("protocol-violation", "the daemon sent more than was asked for");
        yield chunk;
        position += chunk.length;
      }
    } finally {
      if (!response.complete) response.destroy();
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
