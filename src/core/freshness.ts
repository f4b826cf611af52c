// How long an origin's word on a version counts: as long as the asker says; else as long as is configured, or less where the origin says so.
// What it allows beyond that is not used: a check costs one conditional request for the whole cluster (RFC 9111, section 5.2.2).

/** `mostMs` is what is configured; `cacheControl` the header that came with the content. */
export function freshForMs(cacheControl: string | undefined, mostMs: number): number {
  const said = new Map(
    (cacheControl ?? "").split(",").map((directive) => {
      const [name = "", value = ""] = directive.split("=", 2);
      return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, "")];
    }),
  );
  // One that names headers is about those alone.
  if (said.get("no-cache") === "" || said.has("no-store")) return 0;
  const seconds = said.get("s-maxage") ?? said.get("max-age");
  return seconds !== undefined && /^\d+$/.test(seconds) ? Math.min(mostMs, Number(seconds) * 1000) : mostMs;
}
