// Gets a URL through its redirects. Credentials stay with the party they were given for; where a resource was found last is remembered
// for a short time, so that parallel reads of its parts need not be redirected each.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { DoorResponse, HttpDoor } from "../net/http-door.ts";
import { publicUrl } from "../wire/public-url.ts";
import type { OriginRequest } from "./origin.ts";
import { originFailure } from "./origin-error.ts";

const maxRedirects = 10;
const maxRemembered = 1024;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);
/** Answers of a place that was right a moment ago: a signed URL that expired, a mirror that moved on. */
const goneStatuses = new Set([400, 401, 403, 404, 410]);
/** What may be told to a host that the user did not name. */
const harmless = new Set(["accept", "accept-language", "user-agent", "referer"]);
/** The connection's own and the range machinery's: set here or by the HTTP client alone. */
const reserved = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "expect", "content-length", "accept-encoding", "range", "if-range"],
  ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"],
]);

type Headers = Readonly<Record<string, string>>;

/** One place to ask, and what may be told there. */
interface Hop {
  readonly url: URL;
  readonly headers: Headers;
}

interface Memory {
  readonly hop: Hop;
  readonly untilMs: number;
}

export interface Ask {
  /** Headers of the read itself, which go to every hop. */
  readonly headers: Headers;
  /** Start where the resource was found last. */
  readonly remembered: boolean;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly response: DoorResponse;
  /** Where it came from in the end. */
  readonly url: string;
}

export class RedirectFollower {
  readonly #door: HttpDoor;
  readonly #rememberMs: number;
  readonly #nowMs: () => number;
  readonly #memory = new Map<string, Memory>();

  constructor(door: HttpDoor, rememberMs: number, nowMs: () => number) {
    this.#door = door;
    this.#rememberMs = rememberMs;
    this.#nowMs = nowMs;
  }

  /** The first answer that is no redirect, whatever its status. */
  async get(request: OriginRequest, ask: Ask): Promise<Answer> {
    const key = fingerprint(request);
    if (ask.remembered) {
      const answer = await this.#tryRemembered(key, request, ask);
      if (answer !== undefined) return answer;
    }
    let hop: Hop = { url: httpUrl(request.url), headers: allowed(request.headers) };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#once(hop, request, ask);
      const location = redirectStatuses.has(response.status) ? response.headers.location : undefined;
      if (location === undefined) {
        if (redirects > 0 && response.status < 300) this.#remember(key, hop);
        return { response, url: hop.url.href };
      }
      discard(response);
      if (redirects === maxRedirects) {
        throw new DragonflyError(
          "origin-refused",
          `the origin redirects more than ${maxRedirects} times for ${publicUrl(request.url)}`,
          { originStatus: response.status },
        );
      }
      hop = nextHop(hop, location, response.status);
    }
  }

  async #tryRemembered(key: string, request: OriginRequest, ask: Ask): Promise<Answer | undefined> {
    const memory = this.#memory.get(key);
    if (memory === undefined) return undefined;
    if (memory.untilMs > this.#nowMs()) {
      try {
        const response = await this.#once(memory.hop, request, ask);
        if (!goneStatuses.has(response.status) && !redirectStatuses.has(response.status)) {
          return { response, url: memory.hop.url.href };
        }
        discard(response);
      } catch (error) {
        if (ask.signal.aborted) throw error;
      }
    }
    this.#memory.delete(key);
    return undefined;
  }

  async #once(hop: Hop, request: OriginRequest, ask: Ask): Promise<DoorResponse> {
    const trace = request.traceparent === undefined ? {} : { traceparent: request.traceparent };
    try {
      return await this.#door.request(hop.url, {
        headers: { accept: "*/*", "user-agent": "dragonfly", ...hop.headers, ...ask.headers, ...trace },
        trust: { ca: request.ca, insecure: request.insecure },
        signal: ask.signal,
      });
    } catch (thrown) {
      throw originFailure(thrown, hop.url.href, ask.signal);
    }
  }

  #remember(key: string, hop: Hop): void {
    const now = this.#nowMs();
    this.#memory.delete(key);
    this.#memory.set(key, { hop, untilMs: now + this.#rememberMs });
    for (const [oldest, { untilMs }] of this.#memory) {
      if (untilMs > now && this.#memory.size <= maxRemembered) break;
      this.#memory.delete(oldest);
    }
  }
}

/** Gives up an answer's body: a short one is drained so that its connection can serve again. */
export function discard(response: DoorResponse): void {
  const length = Number(response.headers["content-length"] ?? Number.NaN);
  if (length <= 64 * 1024) response.body.resume();
  else response.body.destroy();
}

/** Refuses what is no URL of a scheme that can be read. */
export function httpUrl(url: string): URL {
  if (!URL.canParse(url)) throw new DragonflyError("bad-usage", `${publicUrl(url)} is not a URL`);
  const parsed = new URL(url);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new DragonflyError(
      "unsupported-scheme",
      `${publicUrl(url)} cannot be read: supported are http:// and https:// URLs`,
    );
  }
  return parsed;
}

function nextHop(from: Hop, header: string, status: number): Hop {
  const location = asUtf8(header);
  const refuse = (why: string): DragonflyError =>
    new DragonflyError("origin-refused", `${publicUrl(from.url.href)} redirects to ${why}`, { originStatus: status });
  if (!URL.canParse(location, from.url.href)) throw refuse("what is not a URL");
  const url = new URL(location, from.url);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw refuse(`a ${url.protocol} URL, which cannot be read`);
  url.username = "";
  url.password = "";
  const headers = sameParty(from.url, url)
    ? from.headers
    : Object.fromEntries(Object.entries(from.headers).filter(([name]) => harmless.has(name)));
  return { url, headers };
}

/** Many servers put a name into Location as it is, in UTF-8; header values arrive as one character a byte. */
function asUtf8(header: string): string {
  const text = Buffer.from(header, "latin1").toString("utf8");
  return text.includes("\ufffd") ? header : text;
}

/** Same origin, or the same host's step up from http to https on their usual ports. */
function sameParty(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const stepUp = from.protocol === "http:" && to.protocol === "https:";
  return stepUp && from.hostname === to.hostname && from.port === "" && to.port === "";
}

function allowed(headers: Headers): Headers {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!reserved.has(lower)) kept[lower] = value;
  }
  return kept;
}

/** One place a requester: where one user's request was sent on to may be a signed URL that is not for another. */
function fingerprint(request: OriginRequest): string {
  const identity = JSON.stringify([request.url, Object.entries(request.headers).sort(), request.ca, request.insecure]);
  return createHash("sha256").update(identity).digest("base64");
}
