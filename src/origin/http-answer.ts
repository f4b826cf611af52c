// What an answer's head says about the content: its length, its validators, whether the server serves parts, and whether a part is of
// the version that is being read. Pure; RFC 9110, sections 8.8, 13 and 14.

import type { DoorResponse } from "../net/http-door.ts";
import { parseContentRange } from "./content-range.ts";
import type { OriginInfo, OriginRequest, Validators } from "./origin.ts";
import { type Representation, representationOf } from "./representation.ts";

type Headers = DoorResponse["headers"];

/** The positions of a resource that are the content; `last` may be infinite. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export function spanOf(request: OriginRequest): Span {
  return { first: request.range?.first ?? 0, last: request.range?.last ?? Number.POSITIVE_INFINITY };
}

/** What a sane 206 to the opening request tells, and how much of the content is in it; undefined when it is not sane. */
export function describePart(
  headers: Headers,
  span: Span,
): { readonly info: OriginInfo; readonly bodyBytes: number } | undefined {
  const range = parseContentRange(headers["content-range"]);
  if (range?.window === undefined || range.total === undefined || range.window.first !== span.first) return undefined;
  const bodyBytes = range.window.last - range.window.first + 1;
  if (bodyBytes !== (contentLength(headers) ?? bodyBytes)) return undefined;
  const length = Math.min(span.last, range.total - 1) - span.first + 1;
  return { info: { ...describe(headers), length, ranged: true }, bodyBytes };
}

/** What an answer with the whole resource tells; undefined when the span begins beyond its end. */
export function describeWhole(status: number, headers: Headers, span: Span): OriginInfo | undefined {
  const total = status === 204 ? 0 : contentLength(headers);
  if (total === undefined) return { ...describe(headers), length: null, ranged: false };
  if (span.first > 0 && span.first >= total) return undefined;
  return { ...describe(headers), length: Math.min(span.last, total - 1) - span.first + 1, ranged: false };
}

/** The conditions under which the answer may be "unchanged" (a weak etag will do here). */
export function conditions(known: Validators | undefined): Record<string, string> {
  return {
    ...(known?.etag === undefined ? {} : { "if-none-match": known.etag }),
    ...(known?.lastModified === undefined ? {} : { "if-modified-since": known.lastModified }),
  };
}

/**
 * The strongest If-Range that the validators allow. A date is one only when it lies well back, since a file may change twice in a
 * second; servers know that and send the whole instead.
 */
export function ifRange(known: Validators, nowMs: number): Record<string, string> {
  if (known.etag !== undefined && !isWeak(known.etag)) return { "if-range": known.etag };
  const { lastModified } = known;
  if (lastModified === undefined || !(Date.parse(lastModified) < nowMs - 120_000)) return {};
  return { "if-range": lastModified };
}

export type PartVerdict = "same" | "changed" | "nonsense";

/** Judges a 206 by its head, for the part of the resource from `first` to `last`. */
export function judgePart(headers: Headers, info: OriginInfo, asked: Span, request: OriginRequest): PartVerdict {
  const range = parseContentRange(headers["content-range"]);
  if (range?.window === undefined) return "nonsense";
  if (!sameValidators(info, headers)) return "changed";
  const span = spanOf(request);
  if (range.total !== undefined && info.length !== null) {
    const length = Math.min(span.last, range.total - 1) - span.first + 1;
    if (length !== info.length) return "changed";
  }
  const { window } = range;
  const bytes = window.last - window.first + 1;
  const sane = window.first === asked.first && window.last <= asked.last;
  return sane && bytes === (contentLength(headers) ?? bytes) ? "same" : "nonsense";
}

/** Whether an answer with the whole resource is of this version. */
export function sameWhole(status: number, headers: Headers, info: OriginInfo, span: Span): boolean {
  const now = describeWhole(status, headers, span);
  return now !== undefined && now.length === info.length && sameValidators(info, headers);
}

/** Some caches leave a validator out of a part: only one that is there and differs tells of a change. */
export function sameValidators(info: Validators, headers: Headers): boolean {
  const now = describe(headers);
  if (info.etag !== undefined && now.etag !== undefined) return bare(info.etag) === bare(now.etag);
  if (info.lastModified === undefined || now.lastModified === undefined) return true;
  return info.lastModified === now.lastModified;
}

function describe(headers: Headers): Validators & { readonly representation: Representation } {
  return {
    etag: headers.etag,
    lastModified: headers["last-modified"],
    representation: representationOf(headers),
  };
}

function contentLength(headers: Headers): number | undefined {
  const header = headers["content-length"];
  return header !== undefined && headers["transfer-encoding"] === undefined && /^\d+$/.test(header)
    ? Number(header)
    : undefined;
}

function isWeak(etag: string): boolean {
  return etag.startsWith("W/");
}

function bare(etag: string): string {
  return isWeak(etag) ? etag.slice(2) : etag;
}
