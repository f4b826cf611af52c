// The Content-Range header of an answer (RFC 9110, section 14.4).

export interface ContentRange {
  /** First and last position, inclusive; undefined in an answer that says only how long the resource is. */
  readonly window: { readonly first: number; readonly last: number } | undefined;
  /** Bytes of the whole resource; undefined where the server does not know. */
  readonly total: number | undefined;
}

/** Undefined when the header is absent or makes no sense. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^\s*bytes\s+(?:(\d+)-(\d+)|\*)\/(\d+|\*)\s*$/i.exec(header ?? "");
  if (match === null) return undefined;
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (match[1] === undefined) return { window: undefined, total };
  const window = { first: Number(match[1]), last: Number(match[2]) };
  if (window.last < window.first || (total !== undefined && window.last >= total)) return undefined;
  return { window, total };
}
