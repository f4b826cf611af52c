// A real web server on loopback with faults on request: what tests read from instead of the internet. It counts the bytes it sends.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How one request is answered; what is left out is what a good web server does. */
export interface TestAnswer {
  readonly content?: Uint8Array;
  /** null: none is sent. */
  readonly etag?: string | null;
  readonly lastModified?: string | null;
  /** false: Range is ignored. */
  readonly ranges?: boolean;
  /** The body's length is not announced. */
  readonly chunked?: boolean;
  /** Answer with this status: from 300 on with a short text instead of content. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Redirect there with status 302, or `status`. */
  readonly redirectTo?: string;
  /** Break the connection after so many bytes of the body; 0 before the head. */
  readonly cutAfterBytes?: number;
  /** Send nothing more after so many bytes of the body; -1 not even the head. */
  readonly stallAfterBytes?: number;
  /** Announce this length instead of the true one; the connection ends after the true bytes. */
  readonly announcedLength?: number;
  /** 401 unless the request has this header with this value. */
  readonly requires?: readonly [name: string, value: string];
  readonly rateBytesPerSecond?: number;
  /** 503 while so many others are being answered. */
  readonly maxConcurrent?: number;
  /** Time until the head is sent. */
  readonly delayMs?: number;
  /** The head is not sent before. */
  readonly hold?: Promise<void>;
}

export interface SeenRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  status: number;
  sentBytes: number;
}

export interface TestOriginOptions extends TestAnswer {
  readonly host?: string;
  /** One that was free, to be there later or again. */
  readonly port?: number;
  /** From `makeTestCertificate`. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Overrides the answer to the nth request since the start, from 0. */
  readonly script?: (nth: number, request: SeenRequest) => TestAnswer | undefined;
}

export class TestOrigin {
  /** What is answered from now on; a test may set it while the server runs. */
  answer: TestAnswer;
  script: TestOriginOptions["script"];
  readonly requests: SeenRequest[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #scheme: string;
  readonly #host: string;
  readonly #closing = new AbortController();
  /** Requests that are being answered now, and the most there ever were at once. */
  serving = 0;
  mostServing = 0;

  private constructor(options: TestOriginOptions) {
    const { host = "127.0.0.1", port: _, tls, script, ...answer } = options;
    this.answer = answer;
    this.script = script;
    this.#host = host;
    this.#scheme = tls === undefined ? "http" : "https";
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      // A client that goes away is what many tests are about.
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(options: TestOriginOptions = {}): Promise<TestOrigin> {
    const origin = new TestOrigin(options);
    origin.#server.listen(options.port ?? 0, origin.#host);
    await once(origin.#server, "listening");
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = "/file.bin"): string {
    return `${this.#scheme}://${this.#host}:${this.port}${path}`;
  }

  /** Of all bodies so far. */
  get sentBytes(): number {
    return this.requests.reduce((sum, request) => sum + request.sentBytes, 0);
  }

  /** Open connections. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const seen: SeenRequest = { method, url, headers, status: 0, sentBytes: 0 };
    const nth = this.requests.push(seen) - 1;
    const answer = { ...this.answer, ...this.script?.(nth, seen) };
    request.resume();
    if (answer.delayMs !== undefined) await sleep(answer.delayMs, undefined, { signal: this.#closing.signal });
    await answer.hold;
    if (answer.stallAfterBytes === -1) return;
    if (answer.cutAfterBytes === 0) {
      request.socket.destroy();
      return;
    }
    const busy = this.serving >= (answer.maxConcurrent ?? Infinity);
    this.mostServing = Math.max(this.mostServing, ++this.serving);
    let served = false;
    const serve = (): void => {
      if (!served) this.serving--;
      served = true;
    };
    // `close` alone comes late: by then the reader may have asked for the next part.
    response.once("finish", serve).once("close", serve);
    const body = writeHead(busy ? { ...answer, status: 503 } : answer, request, response);
    seen.status = response.statusCode;
    if (method === "HEAD" || body === undefined) response.end();
    else await this.#send(body, answer, { response, seen });
  }

  async #send(
    body: Uint8Array,
    answer: TestAnswer,
    to: { readonly response: ServerResponse; readonly seen: SeenRequest },
  ): Promise<void> {
    const { response, seen } = to;
    const stop = Math.min(body.length, answer.cutAfterBytes ?? Infinity, answer.stallAfterBytes ?? Infinity);
    response.flushHeaders();
    const gone = once(response, "close");
    const rate = answer.rateBytesPerSecond ?? Infinity;
    for (let at = 0; at < stop && !response.destroyed; ) {
      const chunk = body.subarray(at, Math.min(stop, at + 64 * 1024));
      at += chunk.length;
      seen.sentBytes += chunk.length;
      if (!response.write(chunk)) await Promise.race([once(response, "drain"), gone]);
      if (rate !== Infinity) await sleep((chunk.length / rate) * 1000, undefined, { signal: this.#closing.signal });
    }
    if (stop < body.length && answer.stallAfterBytes === stop) return;
    if (stop < body.length || answer.announcedLength !== undefined) {
      // What was written goes out first: the reader is to see a body that breaks off, not a reset.
      response.socket?.end();
    } else {
      response.end();
    }
  }
}

/** Sets status and headers; returns the body to send. */
function writeHead(answer: TestAnswer, request: IncomingMessage, response: ServerResponse): Uint8Array | undefined {
  const text = (status: number, message: string): Uint8Array => {
    response.statusCode = status;
    return Buffer.from(message);
  };
  const content = answer.content ?? new Uint8Array(0);
  const etag = answer.etag === undefined ? `"${etagOf(content)}"` : answer.etag;
  const lastModified =
    answer.lastModified === undefined ? "Wed, 01 Jan 2020 00:00:00 GMT" : (answer.lastModified ?? undefined);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.requires !== undefined && request.headers[answer.requires[0].toLowerCase()] !== answer.requires[1]) {
    return text(401, "who are you?\n");
  }
  if (answer.redirectTo !== undefined) {
    response.setHeader("location", answer.redirectTo);
    return text(answer.status ?? 302, "over there\n");
  }
  if (answer.status !== undefined && answer.status >= 300) return text(answer.status, "no\n");
  if (etag !== null) response.setHeader("etag", etag);
  if (lastModified !== undefined) response.setHeader("last-modified", lastModified);
  if (answer.headers?.["content-type"] === undefined) response.setHeader("content-type", "application/octet-stream");
  if (isUnchanged(request.headers, etag ?? undefined, lastModified)) {
    response.statusCode = 304;
    return undefined;
  }
  if (answer.status !== undefined) response.statusCode = answer.status;
  const ranged = answer.ranges !== false;
  if (ranged) response.setHeader("accept-ranges", "bytes");
  const range = ranged ? askedRange(request.headers, etag ?? undefined, lastModified) : undefined;
  if (range !== undefined && range.first >= content.length) {
    response.setHeader("content-range", `bytes */${content.length}`);
    return text(416, "");
  }
  let body = content;
  if (range !== undefined) {
    const last = Math.min(range.last, content.length - 1);
    body = content.subarray(range.first, last + 1);
    response.statusCode = 206;
    response.setHeader("content-range", `bytes ${range.first}-${last}/${content.length}`);
  }
  if (answer.chunked !== true) response.setHeader("content-length", answer.announcedLength ?? body.length);
  return body;
}

function etagOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

function isUnchanged(
  headers: IncomingHttpHeaders,
  etag: string | undefined,
  lastModified: string | undefined,
): boolean {
  const none = headers["if-none-match"];
  if (none !== undefined) return etag !== undefined && none.replace(/^W\//, "") === etag.replace(/^W\//, "");
  return lastModified !== undefined && headers["if-modified-since"] === lastModified;
}

function askedRange(
  headers: IncomingHttpHeaders,
  etag: string | undefined,
  lastModified: string | undefined,
): { readonly first: number; readonly last: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  if (match === null) return undefined;
  const condition = headers["if-range"];
  const strong = etag !== undefined && !etag.startsWith("W/") ? etag : undefined;
  if (condition !== undefined && condition !== strong && condition !== lastModified) return undefined;
  return { first: Number(match[1]), last: match[2] ? Number(match[2]) : Number.POSITIVE_INFINITY };
}

/** Bytes that differ everywhere and are the same for the same seed. */
export function testContent(length: number, seed = 1): Uint8Array {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

/** A self-signed certificate for loopback, made by openssl; undefined where that is not installed. */
export function makeTestCertificate(names = "IP:127.0.0.1,DNS:localhost"): { key: string; cert: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "dragonfly-cert-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-days", "2", "-subj", "/CN=dragonfly test", "-addext", `subjectAltName=${names}`];
  try {
    execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
