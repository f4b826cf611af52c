// Numbers, times and names as the console writes them.

import { formatDuration } from "../runtime/units.ts";

export { formatBytes, formatRate } from "../runtime/units.ts";

/** `1m 20s`, for time that is left: no tenths, for they would flicker. */
export function formatLeft(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 1000) return "under 1s";
  return formatDuration(Math.round(ms / 1000) * 1000).replace(/\.0s$/, "s");
}

export function formatClock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

export function formatAgo(ms: number): string {
  return ms < 5000 ? "just now" : `${formatLeft(ms)} ago`;
}

export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.floor(percent)}%`;
}

/** What people call it: the last segment of its path, or the end of an image's digest. */
export function nameOf(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? url;
  const last = path.replace(/\/+$/, "").split("/").at(-1) ?? url;
  return last.startsWith("sha256:") ? `sha256:${last.slice(7, 19)}…` : decode(last);
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
