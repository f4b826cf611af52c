// Sizes, rates and durations as people write and read them. Pure: text to numbers (bytes, bytes per second, milliseconds) and back.

import { DragonflyError } from "../core/error.ts";

const prefixes = ["", "k", "m", "g", "t", "p"];

/** `64MiB`, `200MB`, `10G` or plain bytes, in bytes. Bare K, M, G are of 1024, as they always were in Dragonfly. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])(ib|b)?|b)?$/i.exec(text.trim());
  if (match === null) throw refused(text, "a size", "64MiB, 200MB or 10G");
  const [, amount = "0", prefix = "", unit = ""] = match;
  return whole(Number(amount) * scale(prefix, unit.toLowerCase() !== "b"), text);
}

/** `20MB/s`, `20M` or `200Mbps` (bits), in bytes per second; 0 is unlimited. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?)(B|b|bits?|)(\/s|ps|)$/i.exec(text.trim());
  const [, amount = "0", prefix = "", binary = "", unit = "", per = ""] = match ?? [];
  const bits = unit.startsWith("b");
  const impossible =
    match === null || (binary !== "" && prefix === "") || (unit.length > 1 && !bits) || (unit === "" && per === "ps");
  // A lower-case b is bits, so without "per second" it is more likely a slip than a rate.
  if (impossible || (unit === "b" && per === "")) throw refused(text, "a rate", "20MB/s, 20M or 200Mbps");
  const bytes = (Number(amount) * scale(prefix, binary !== "" || unit === "")) / (bits ? 8 : 1);
  return bytes === 0 ? 0 : Math.max(1, whole(bytes, text));
}

const durationsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `5m`, `1h30m` or `250ms`, in milliseconds; `0` needs no unit. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(trimmed)) throw refused(text, "a duration", "250ms, 30s, 5m or 1h30m");
  let totalMs = 0;
  for (const [, amount = "0", unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (durationsMs[unit] ?? 0);
  }
  return whole(totalMs, text);
}

/** `512 B`, `200.0 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  const power = Math.min(5, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${" KMGTP".charAt(power)}iB`;
}

/** `950 B/s`, `23.6 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  if (bytesPerSecond < 1000) return `${Math.round(bytesPerSecond)} B/s`;
  const power = Math.min(5, Math.floor(Math.log10(bytesPerSecond) / 3));
  return `${(bytesPerSecond / 1000 ** power).toFixed(1)} ${" kMGTP".charAt(power)}B/s`;
}

/** `8.9s`, `2m05s`, `1h02m`. */
export function formatDuration(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${twoDigits(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function scale(prefix: string, binary: boolean): number {
  return (binary ? 1024 : 1000) ** Math.max(0, prefixes.indexOf(prefix.toLowerCase()));
}

function whole(value: number, text: string): number {
  const rounded = Math.round(value);
  if (!Number.isSafeInteger(rounded)) throw new DragonflyError("bad-config", `"${text}" is too large`);
  return rounded;
}

function refused(text: string, what: string, example: string): DragonflyError {
  return new DragonflyError("bad-config", `"${text}" is not ${what}: write ${example}`);
}
