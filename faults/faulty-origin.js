// An origin with one fault, as a program: `node faulty-origin.js FAULT ADDRESS PORT BYTES`. Its content follows from its name, so that whoever
// started it knows what is right.

import { createCipheriv, createHash } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const chunkBytes = 64 * 1024;
const outageMs = { stalls: 30_000, busy: 20_000 };

/** What a fault changes of an answer; all else is what a good server does. */
export const faults = {
  good: {},
  /** Each connection. */
  slow: { bytesPerSecond: 300 * 1024 },
  /** For half a minute, all connections, from the moment on at which a tenth is read. */
  stalls: { stallsAfter: 0.1 },
  /** Each answer breaks off when 70 % of it is sent. */
  cuts: { cutAfter: 0.7 },
  "cuts a stream": { cutAfter: 0.7, ranges: false },
  /** Another content from the moment on at which half is read; what is on its way then stays what it was. */
  changes: { changesAfter: 0.5 },
  "changes a stream": { changesAfter: 0.5, ranges: false, cutAfter: 0.7 },
  /** It has less than it says, and breaks off there. */
  "says more": { announced: 1.2 },
  "says more of a stream": { announced: 1.2, ranges: false },
  /** It sends more than it says. */
  "says less": { announced: 0.8, ranges: false },
  /** 503 for 20 s, from the start and in the middle. */
  busy: { busyAfter: 0 },
  "busy midway": { busyAfter: 0.3 },
};

/** The content's first or second version. */
export function contentOf(fault, bytes, version = 1) {
  const key = createHash("sha256").update(`${fault} ${version}`).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

class FaultyOrigin {
  #fault;
  #outageMs;
  #contents;
  #sentBytes = 0;
  /** When the outage began. */
  #outSinceMs;

  constructor(fault, bytes) {
    this.#fault = faults[fault];
    this.#outageMs = outageMs[fault.split(" ")[0]];
    this.#contents = [1, 2].map((version) => contentOf(fault, bytes, version));
  }

  async serve(request, response) {
    const { ranges = true, announced = 1, busyAfter, changesAfter } = this.#fault;
    if (busyAfter !== undefined && this.#isOut(busyAfter)) return response.writeHead(503).end("later\n");
    const version = changesAfter !== undefined && this.#share >= changesAfter ? 2 : 1;
    const content = this.#contents[version - 1];
    const etag = `"${version}"`;
    const length = Math.round(content.length * announced);
    const asked = ranges ? rangeOf(request.headers, etag, length) : undefined;
    const [from, to] = asked ?? [0, length];
    const headers = { etag, "content-length": to - from, ...(ranges ? { "accept-ranges": "bytes" } : {}) };
    if (asked !== undefined) headers["content-range"] = `bytes ${from}-${to - 1}/${length}`;
    response.writeHead(asked === undefined ? 200 : 206, headers);
    if (request.method === "HEAD") return response.end();
    // Who says less sends all of it all the same.
    await this.#send(response, content.subarray(from, announced < 1 ? content.length : to), to - from);
  }

  async #send(response, body, promisedBytes) {
    const { cutAfter = 1, bytesPerSecond, stallsAfter } = this.#fault;
    const end = Math.ceil(body.length * cutAfter);
    response.flushHeaders();
    for (let at = 0; at < end && !response.destroyed; ) {
      while (stallsAfter !== undefined && this.#isOut(stallsAfter)) await sleep(100);
      const part = body.subarray(at, Math.min(end, at + chunkBytes));
      at += part.length;
      this.#sentBytes += part.length;
      if (!response.write(part)) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
      if (bytesPerSecond !== undefined) await sleep((part.length / bytesPerSecond) * 1000);
    }
    if (end < promisedBytes) response.socket?.end();
    else response.end();
  }

  get #share() {
    return this.#sentBytes / this.#contents[0].length;
  }

  #isOut(after) {
    if (this.#share < after) return false;
    this.#outSinceMs ??= performance.now();
    return performance.now() - this.#outSinceMs < this.#outageMs;
  }
}

/** Half-open; undefined where all is to be sent. */
function rangeOf({ range, "if-range": condition }, etag, length) {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (match === null || (condition !== undefined && condition !== etag)) return undefined;
  return [Number(match[1]), Math.min(length, match[2] === "" ? length : Number(match[2]) + 1)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [fault, address, port, bytes] = process.argv.slice(2);
  const origin = new FaultyOrigin(fault, Number(bytes));
  const server = createServer((request, response) => {
    origin.serve(request, response).catch(() => response.destroy());
  });
  server.listen(Number(port), address, () => console.log("origin ready"));
}
