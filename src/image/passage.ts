// Passes a request through to its server as it is and the answer back as it is, streamed, less the headers that belong to one
// connection (RFC 9110, section 7.6.1). It follows no redirect and knows nothing of images.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { DragonflyError } from "../core/error.ts";
import type { DoorRequest, DoorResponse, HttpDoor } from "../net/http-door.ts";
import { originFailure } from "../origin/origin-error.ts";

/** One request and its answer; the signal fires when the client has left. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

const connectionOnly = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "expect", "host"],
]);
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** `more` headers go with the request. Errors: `origin-unreachable`, `origin-untrusted` while nothing was answered; later the connection breaks. */
export async function passThrough(
  door: HttpDoor,
  url: string,
  exchange: Exchange,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  await relay(await ask(door, url, passedRequest(exchange, more)), exchange.response);
}

/** The client's request as it goes on from here. Errors: `bad-usage` for a method that cannot be passed on. */
export function passedRequest(
  { request, signal }: Exchange,
  more: Readonly<Record<string, string>> = {},
): DoorRequest & { readonly signal: AbortSignal } {
  const { method = "GET" } = request;
  if (!methods.has(method)) throw new DragonflyError("bad-usage", `${method} cannot be passed through`);
  return {
    method: method as NonNullable<DoorRequest["method"]>,
    headers: { ...passedOn(request.headers, hasBody(request) ? [] : ["content-length"]), ...more },
    ...(hasBody(request) ? { body: request } : {}),
    signal,
  };
}

/** `changed` headers take the place of the answer's own. */
export async function relay(
  answer: DoorResponse,
  response: ServerResponse,
  changed: Readonly<Record<string, string>> = {},
): Promise<void> {
  response.writeHead(answer.status, { ...passedOn(answer.headers), ...changed });
  // What breaks now breaks the connection: the client sees that it has not got everything.
  await pipeline(answer.body, response).catch(() => {});
}

/** For an answer that has no body. */
export function relayHead(
  { status, headers }: Pick<DoorResponse, "status" | "headers">,
  response: ServerResponse,
  changed: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...passedOn(headers), ...changed }).end();
}

export async function ask(
  door: HttpDoor,
  url: string,
  request: DoorRequest & { readonly signal: AbortSignal },
): Promise<DoorResponse> {
  try {
    return await door.request(url, request);
  } catch (thrown) {
    throw originFailure(thrown, url, request.signal);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function passedOn(
  headers: IncomingHttpHeaders | DoorResponse["headers"],
  dropped: readonly string[] = [],
): Record<string, string> {
  const named = String(headers.connection ?? "").split(",");
  const without = new Set([...named.map((name) => name.trim().toLowerCase()), ...dropped]);
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || connectionOnly.has(name) || without.has(name)) continue;
    kept[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return kept;
}
