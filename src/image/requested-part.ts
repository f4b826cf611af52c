// Which bytes of a content a request is answered with (RFC 9110, section 14). Pure.

export interface Part {
  readonly first: number;
  readonly last: number;
}

export type RequestedPart =
  | { readonly kind: "whole" }
  | ({ readonly kind: "part" } & Part)
  /** Two or more, of which none overlaps another, in the order in which they were asked for. */
  | { readonly kind: "parts"; readonly parts: readonly Part[] }
  | { readonly kind: "beyond" };

/** Who wants more at once is given the whole, as section 14.2 allows: many small ones cost more than they spare. */
export const maxParts = 64;

const whole = { kind: "whole" } as const;

/** `etag` is what If-Range is compared with; of a content whose length is not known, only the whole can be given. */
export function requestedPart(
  headers: { readonly range?: string | undefined; readonly "if-range"?: string | string[] | undefined },
  { length, etag }: { readonly length: number | null; readonly etag: string },
): RequestedPart {
  if (headers.range === undefined || length === null) return whole;
  if (headers["if-range"] !== undefined && headers["if-range"] !== etag) return whole;
  const specs = specsOf(headers.range);
  if (specs === undefined) return whole;
  const parts: Part[] = [];
  for (const spec of specs) {
    const part = partOf(spec, length);
    if (part === "nonsense") return whole;
    if (part !== "beyond") join(parts, part);
  }
  const [only, ...more] = parts;
  if (only === undefined) return { kind: "beyond" };
  return more.length === 0 ? { kind: "part", ...only } : { kind: "parts", parts };
}

/** Undefined for another unit, for what is no list, and for too many; empty elements do not count (section 5.6.1). */
function specsOf(range: string): readonly string[] | undefined {
  const [, set] = /^bytes=(.*)$/i.exec(range) ?? [];
  const specs = set?.split(",").flatMap((spec) => spec.trim() || []) ?? [];
  return specs.length === 0 || specs.length > maxParts ? undefined : specs;
}

function partOf(spec: string, length: number): Part | "beyond" | "nonsense" {
  const [match, from = "", to = ""] = /^(\d{0,15})-(\d{0,15})$/.exec(spec) ?? [];
  if (match === undefined || (from === "" && to === "")) return "nonsense";
  if (from === "") {
    const bytes = Number(to);
    return bytes === 0 || length === 0 ? "beyond" : { first: Math.max(0, length - bytes), last: length - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return "nonsense";
  if (first >= length) return "beyond";
  return { first, last: to === "" ? length - 1 : Math.min(Number(to), length - 1) };
}

/** Adds a part; with those that it overlaps it becomes one, in the place of the earliest. */
function join(parts: Part[], part: Part): void {
  const apart = (other: Part): boolean => other.last < part.first || other.first > part.last;
  const place = parts.findIndex((other) => !apart(other));
  if (place === -1) {
    parts.push(part);
    return;
  }
  const overlapped = [part, ...parts.filter((other) => !apart(other))];
  const first = Math.min(...overlapped.map((each) => each.first));
  const last = Math.max(...overlapped.map((each) => each.last));
  const rest = parts.filter(apart);
  parts.splice(0, parts.length, ...rest.slice(0, place), { first, last }, ...rest.slice(place));
}
