// Reads content from web servers (RFC 9110): one ranged GET is both probe and first read, and each further part is checked to be of the
// same version. What a server codes without being asked to (Content-Encoding) is taken as the content, as curl does.

import type { Readable } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import type { DoorResponse, HttpDoor } from "../net/http-door.ts";
import { publicUrl } from "../wire/public-url.ts";
import { BodySlice } from "./body-slice.ts";
import { parseContentRange } from "./content-range.ts";
import { conditions, describePart, describeWhole, ifRange, judgePart, sameWhole, spanOf } from "./http-answer.ts";
import type { Opened, Origin, OriginInfo, OriginRequest, Validators } from "./origin.ts";
import { refusal } from "./origin-error.ts";
import { type Answer, discard, RedirectFollower } from "./redirect.ts";

export interface HttpOriginOptions {
  readonly door: HttpDoor;
  /** How much the opening request asks for; the whole of what fits in it costs one request. */
  readonly firstReadBytes?: number;
  /** How long a redirect's target is used for further parts. */
  readonly rememberRedirectMs?: number;
  /** The wall clock in epoch milliseconds. */
  readonly nowMs?: () => number;
}

export class HttpOrigin implements Origin {
  readonly #follower: RedirectFollower;
  readonly #firstReadBytes: number;
  readonly #nowMs: () => number;

  constructor(options: HttpOriginOptions) {
    this.#firstReadBytes = options.firstReadBytes ?? 4 * 1024 * 1024;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#follower = new RedirectFollower(options.door, options.rememberRedirectMs ?? 60_000, this.#nowMs);
  }

  async open(request: OriginRequest, known: Validators | undefined, signal: AbortSignal): Promise<Opened> {
    const span = spanOf(request);
    const last = Math.min(span.first + (request.firstBytes ?? this.#firstReadBytes) - 1, span.last);
    const headers = { "accept-encoding": "identity", ...conditions(known) };
    const ask = { headers: { ...headers, range: `bytes=${span.first}-${last}` }, remembered: false, signal };
    const answer = await this.#follower.get(request, ask);
    const { response } = answer;
    if (response.status === 416 && request.range !== undefined) {
      discard(response);
      throw beyondEnd(request, parseContentRange(response.headers["content-range"])?.total);
    }
    if (response.status !== 206 && response.status !== 416) return this.#whole(request, known, answer);
    const part = response.status === 206 ? describePart(response.headers, span) : undefined;
    if (part !== undefined) {
      const bodyLength = Math.min(part.bodyBytes, part.info.length ?? part.bodyBytes);
      const excess = part.bodyBytes > bodyLength;
      const body = excess ? new BodySlice(response.body, 0, bodyLength, () => nonsense(request)) : response.body;
      return { kind: "content", info: part.info, body, bodyLength };
    }
    // Perhaps it is empty, perhaps the server is confused: a request without a range tells, and brings the validators.
    discard(response);
    return this.#whole(request, known, await this.#follower.get(request, { headers, remembered: false, signal }));
  }

  async read(
    request: OriginRequest,
    info: OriginInfo,
    start: number,
    end: number | null,
    signal: AbortSignal,
  ): Promise<Readable> {
    const stop = end ?? info.length;
    if (!info.ranged) return this.#readUnranged(request, info, { start, end: stop }, signal);
    const { first: base } = spanOf(request);
    const asked = { first: base + start, last: stop === null ? Number.POSITIVE_INFINITY : base + stop - 1 };
    const range = `bytes=${asked.first}-${stop === null ? "" : asked.last}`;
    const headers = { "accept-encoding": "identity", range };
    const guard = ifRange(info, this.#nowMs());
    let answer = await this.#follower.get(request, { headers: { ...headers, ...guard }, remembered: true, signal });
    if (guard["if-range"] !== undefined && isSameWhole(answer.response, info, request)) {
      // The server finds the validator too weak for If-Range; the answer's own headers tell as much.
      answer.response.body.destroy();
      answer = await this.#follower.get(request, { headers, remembered: true, signal });
    }
    const { response } = answer;
    if (response.status === 206) {
      const verdict = judgePart(response.headers, info, asked, request);
      if (verdict === "same") return response.body;
      response.body.destroy();
      throw verdict === "changed" ? changed(request) : nonsense(request);
    }
    if (response.status === 416 || isSuccess(response)) {
      response.body.destroy();
      throw changed(request);
    }
    throw this.#refuse(answer);
  }

  /** Owns nothing: the door belongs to whoever made it, a running read to its signal. */
  async close(): Promise<void> {}

  async #readUnranged(
    request: OriginRequest,
    info: OriginInfo,
    part: { readonly start: number; readonly end: number | null },
    signal: AbortSignal,
  ): Promise<Readable> {
    const headers = { "accept-encoding": "identity" };
    const answer = await this.#follower.get(request, { headers, remembered: true, signal });
    if (!isSuccess(answer.response)) throw this.#refuse(answer);
    if (!isSameWhole(answer.response, info, request)) {
      answer.response.body.destroy();
      throw changed(request);
    }
    const { body } = answer.response;
    if (request.range === undefined && part.start === 0 && part.end === info.length) return body;
    const take = (part.end ?? Number.POSITIVE_INFINITY) - part.start;
    return new BodySlice(body, spanOf(request).first + part.start, take, () => changed(request));
  }

  /** An answer that has all of the resource, or nothing of it. */
  #whole(request: OriginRequest, known: Validators | undefined, answer: Answer): Opened {
    const { response } = answer;
    if (response.status === 304 && known !== undefined) {
      discard(response);
      return { kind: "unchanged" };
    }
    if (!isSuccess(response)) throw this.#refuse(answer);
    const span = spanOf(request);
    const info = describeWhole(response.status, response.headers, span);
    if (info === undefined) {
      response.body.destroy();
      throw beyondEnd(request, Number(response.headers["content-length"]));
    }
    const take = info.length ?? span.last - span.first + 1;
    const body =
      request.range === undefined
        ? response.body
        : new BodySlice(response.body, span.first, take, () => beyondEnd(request, undefined));
    return { kind: "content", info, body, bodyLength: null };
  }

  #refuse({ response, url }: Answer): DragonflyError {
    discard(response);
    return refusal(response, url, this.#nowMs());
  }
}

/** A success that claims to have everything; a 206 is never the answer to a request without a range. */
function isSuccess({ status }: DoorResponse): boolean {
  return status >= 200 && status < 300 && status !== 206;
}

function isSameWhole(response: DoorResponse, info: OriginInfo, request: OriginRequest): boolean {
  return isSuccess(response) && sameWhole(response.status, response.headers, info, spanOf(request));
}

function beyondEnd(request: OriginRequest, total: number | undefined): DragonflyError {
  const size = total === undefined ? "" : `, which has ${total} bytes`;
  return new DragonflyError(
    "origin-refused",
    `the range from byte ${request.range?.first ?? 0} lies beyond the end of ${publicUrl(request.url)}${size}`,
    { originStatus: 416 },
  );
}

function changed(request: OriginRequest): DragonflyError {
  return new DragonflyError(
    "origin-changed",
    `${publicUrl(request.url)} changed while it was being read: start the download again`,
  );
}

function nonsense(request: OriginRequest): DragonflyError {
  return new DragonflyError(
    "origin-truncated",
    `the origin sends another part of ${publicUrl(request.url)} than was asked for`,
  );
}
