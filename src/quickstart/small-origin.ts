// A web server with one file of random bytes that counts what it sends: the place where the quickstart's content lives.

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const chunkBytes = 1 << 18;

export class SmallOrigin {
  readonly content: Buffer;
  readonly sha256: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #sentBytes = 0;

  private constructor(content: Buffer) {
    this.content = content;
    this.sha256 = createHash("sha256").update(content).digest("hex");
  }

  static async start(lengthBytes: number): Promise<SmallOrigin> {
    const origin = new SmallOrigin(randomBytes(lengthBytes));
    origin.#server.listen(0, "127.0.0.1");
    await once(origin.#server, "listening");
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/random.bin`;
  }

  /** Of the content, to all who asked. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer({ method, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { length } = this.content;
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
    const start = Math.min(Number(from), length);
    const end = to === "" ? length : Math.min(Number(to) + 1, length);
    response.setHeader("etag", `"${this.sha256.slice(0, 16)}"`);
    response.setHeader("accept-ranges", "bytes");
    response.setHeader("content-length", end - start);
    if (headers.range !== undefined) {
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${start}-${end - 1}/${length}`);
    }
    response.flushHeaders();
    const gone = once(response, "close");
    for (let at = start; method !== "HEAD" && at < end && !response.destroyed; at += chunkBytes) {
      const chunk = this.content.subarray(at, Math.min(end, at + chunkBytes));
      this.#sentBytes += chunk.length;
      if (!response.write(chunk)) await Promise.race([once(response, "drain"), gone]);
    }
    response.end();
  }
}
