// The answer that carries content from the swarm: with the headers of its origin, whole, a part, or "not modified" (RFC 9110, sections 13
// and 14).

import type { IncomingHttpHeaders } from "node:http";
import { type ContentHead, sendContent } from "../image/content-answer.ts";
import type { Exchange } from "../image/passage.ts";
import type { UrlContent } from "./url-content.ts";

type Described = Pick<UrlContent, "etag" | "lastModified" | "representation" | "length">;

/** Goes with a 304 too (RFC 9110, section 15.4.5). */
const ofEveryAnswer = new Set(["cache-control", "expires", "vary"]);

export async function answerContent(exchange: Exchange, content: UrlContent, via: string): Promise<void> {
  const { request, response } = exchange;
  const head = headOf(content, request.headers, via);
  if (!isUnchanged(request.headers, content)) return sendContent(exchange, content, head);
  content.leave();
  response.writeHead(304, head.always).end();
}

/** Whether the client has it already (RFC 9110, section 13.2.2): an etag says more than a date. */
export function isUnchanged(headers: IncomingHttpHeaders, { etag, lastModified }: Described): boolean {
  const known = headers["if-none-match"];
  if (known !== undefined) {
    if (known.trim() === "*") return true;
    const etags = known.match(/(?:W\/)?"[^"]*"/g) ?? [];
    return etag !== undefined && etags.some((one) => bare(one) === bare(etag));
  }
  const since = headers["if-modified-since"];
  if (since === undefined || lastModified === undefined) return false;
  return Date.parse(lastModified) <= Date.parse(since);
}

function headOf(content: Described, headers: IncomingHttpHeaders, via: string): ContentHead {
  const { etag, lastModified, representation, length } = content;
  const always: Record<string, string> = {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { "last-modified": lastModified }),
    ...Object.fromEntries(Object.entries(representation).filter(([name]) => ofEveryAnswer.has(name))),
    via,
  };
  const head = {
    "content-type": "application/octet-stream",
    ...representation,
    ...always,
    ...(length === null ? {} : { "accept-ranges": "bytes" }),
  };
  // A date is strong enough here: the bytes are those of one version, whatever second it is from.
  const byDate = lastModified !== undefined && headers["if-range"] === lastModified;
  const byEtag = etag !== undefined && !etag.startsWith("W/") ? etag : noValidator;
  return { head, always, validator: byDate ? lastModified : byEtag };
}

/** No header can be this. */
const noValidator = "\n";

function bare(etag: string): string {
  return etag.replace(/^W\//, "");
}
