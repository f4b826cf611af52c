// Which bytes of a content a request is answered with (RFC 9110, section 14). Several ranges at once are answered with the whole, as the
// section allows.

export type RequestedPart =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly first: number; readonly last: number }
  | { readonly kind: "beyond" };

const whole = { kind: "whole" } as const;

/** `etag` is what If-Range is compared with; of a content whose length is not known, only the whole can be given. */
export function requestedPart(
  headers: { readonly range?: string | undefined; readonly "if-range"?: string | string[] | undefined },
  { length, etag }: { readonly length: number | null; readonly etag: string },
): RequestedPart {
  if (headers.range === undefined || length === null) return whole;
  if (headers["if-range"] !== undefined && headers["if-range"] !== etag) return whole;
  const [match, from = "", to = ""] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(headers.range) ?? [];
  if (match === undefined || (from === "" && to === "")) return whole;
  if (from === "") return suffix(Number(to), length);
  const first = Number(from);
  const last = to === "" ? length - 1 : Math.min(Number(to), length - 1);
  if (to !== "" && Number(to) < first) return whole;
  return first >= length ? { kind: "beyond" } : { kind: "part", first, last };
}

function suffix(bytes: number, length: number): RequestedPart {
  if (bytes === 0 || length === 0) return { kind: "beyond" };
  return { kind: "part", first: Math.max(0, length - bytes), last: length - 1 };
}
