// Why a download is as fast as it is: from what was measured to a verdict in one word, and a few sentences for people. Pure, so that the
// daemon, the supernode and the commands say the same of the same facts.

import { type Bound, boundOf } from "./bound.ts";
import { explanationWords } from "./explain-words.ts";
import type { HostId } from "./ids.ts";
import type { BytesBySource } from "./swarm.ts";
import type { Wait } from "./waiting.ts";

export const causes = [
  "downlink",
  "limit",
  "neighbours",
  "seed",
  "origin",
  "disk",
  "processor",
  "isolated",
  "no-supernode",
  "nobody",
  "unknown",
] as const;
/** What kept a download from being faster; docs/operations.md says what to do about each. */
export type Cause = (typeof causes)[number];

export const dropReasons = ["corrupt", "lied", "stalled", "slow", "isolated", "unreachable", "lost", "left"] as const;
export type DropReason = (typeof dropReasons)[number];

/** What one host measured of one download. */
export interface DownloadFacts {
  readonly elapsedMs: number;
  /** Looks at it, five a second, by what was waited for. */
  readonly looks: Readonly<Record<Wait, number>>;
  /** How far its rate strays (waiting.ts); null where that is not known. */
  readonly spread: number | null;
  /** Hosts that were asked at a time. */
  readonly sources: number;
  /** The part of the time in which as much as the delay needs was on its way. */
  readonly full: number;
  readonly bestBytesPerSecond: number;
  /** The hosts that gave most. */
  readonly from: readonly { readonly host: HostId; readonly bytes: number }[];
  /** Neighbours that are none any more, the last ones. */
  readonly dropped: readonly { readonly host: HostId; readonly reason: DropReason }[];
  /** Bytes a second, of the request and of the host; 0 is unlimited. */
  readonly limits: { readonly request: number; readonly host: number };
  readonly supernode: "up" | "away" | "none";
  /** The supernode has isolated this host. */
  readonly isolated: boolean;
}

export interface Measured {
  readonly host: HostId;
  readonly state: "fetching" | "complete" | "failed";
  /** Null while nobody knows it. */
  readonly length: number | null;
  readonly bytesBySource: BytesBySource;
  /** Null: it held all of it already, or comes from an older version of this program. */
  readonly facts: DownloadFacts | null;
}

/** What only the supernode knows; limits are in bytes a second, 0 is unlimited. */
export interface Surroundings {
  /** Hosts that fetched or fetch the same. */
  readonly hosts: number;
  readonly seedUploadLimit: number;
  readonly originLimit: number;
  /** At which the origin was read; 0 where it was not. */
  readonly originBytesPerSecond: number;
  /** Of the neighbours that gave something, where they told one. */
  readonly uploadLimits: readonly number[];
}

export interface HostExplanation {
  readonly host: HostId;
  readonly state: Measured["state"];
  readonly elapsedMs: number | null;
  readonly bytesBySource: BytesBySource;
  readonly bestBytesPerSecond: number | null;
  readonly cause: Cause;
  /** The setting that limits, and where it stands; null where none does. */
  readonly setBy: string | null;
  /** The part of the time that was spent waiting for each, 0 to 1. */
  readonly waits: Readonly<Partial<Record<Wait, number>>>;
  readonly from: DownloadFacts["from"];
  readonly dropped: DownloadFacts["dropped"];
  /** No scheme could have been faster, by what is known of the links; `times` is how many times longer it took. */
  readonly bound: (Bound & { readonly times: number }) | null;
  /** For people; the first names the cause. */
  readonly words: readonly string[];
}

/**
 * Measured on capped links: a full pipe strays by 7 to 9 %, with as much as it takes on its way all the time; who waits for several neighbours by
 * 33 % and more, and nearly always looks for somebody else to ask. A machine that is short of time makes any rate stray.
 */
const steady = 0.2;
const lessSteady = 0.45;
const alwaysFull = 0.85;
/** One source alone may be the bottleneck itself, however steadily it sends. */
const severalSources = 1.5;
/** A limit is reached at this part of it. */
const reached = 0.8;
/** The origin was the bottleneck when nothing else cost more than this. */
const nearTheBound = 1.25;

export function explain(measured: Measured, around?: Surroundings): HostExplanation {
  const { host, state, bytesBySource, facts } = measured;
  const bound = boundFor(measured, around);
  const cause = behindSeed(causeOf(facts), bound, around);
  const setBy = facts === null ? null : setterOf(cause, facts, around);
  const total = facts === null ? 0 : sum(Object.values(facts.looks));
  const waits = Object.entries(facts?.looks ?? {}).filter(([, looks]) => looks > 0);
  const explanation = {
    host,
    state,
    elapsedMs: facts === null ? null : Math.round(facts.elapsedMs),
    bytesBySource,
    bestBytesPerSecond: facts === null ? null : Math.round(facts.bestBytesPerSecond),
    cause,
    setBy,
    waits: Object.fromEntries(waits.map(([wait, looks]) => [wait, Math.round((looks / total) * 100) / 100])),
    from: facts?.from ?? [],
    dropped: facts?.dropped ?? [],
    bound,
  };
  return { ...explanation, words: explanationWords(explanation) };
}

export function causeOf(facts: DownloadFacts | null): Cause {
  if (facts === null) return "unknown";
  const most = Object.entries(facts.looks).reduce((a, b) => (b[1] > a[1] ? b : a));
  if (most[1] === 0) return "unknown";
  const wait = most[0] as Wait;
  if (wait === "limit" || wait === "disk" || wait === "processor") return wait;
  if (facts.supernode !== "up" && (wait === "origin" || wait === "nobody")) return "no-supernode";
  if (wait === "origin") return "origin";
  if (isPipeFull(facts)) return "downlink";
  if (facts.isolated) return "isolated";
  if (wait === "nobody") return "nobody";
  return wait === "seed" ? "seed" : "neighbours";
}

/** A seed gives no faster than it reads: who got everything about as fast as it was read waited for the origin, whoever was asked. */
function behindSeed(cause: Cause, bound: HostExplanation["bound"], around: Surroundings | undefined): Cause {
  if (cause !== "seed" || around === undefined || bound === null) return cause;
  const { originBytesPerSecond, seedUploadLimit } = around;
  const isOriginSlower = originBytesPerSecond > 0 && (seedUploadLimit === 0 || originBytesPerSecond < seedUploadLimit);
  return isOriginSlower && bound.by === "source" && bound.times <= nearTheBound ? "origin" : cause;
}

function isPipeFull({ spread, sources, full }: DownloadFacts): boolean {
  if (spread === null || sources < severalSources) return false;
  return spread <= steady || (full >= alwaysFull && spread <= lessSteady);
}

function setterOf(cause: Cause, { limits }: DownloadFacts, around: Surroundings | undefined): string | null {
  if (cause === "limit") {
    const ofRequest = limits.request > 0 && (limits.host === 0 || limits.request <= limits.host);
    return ofRequest ? "dfget --limit" : "daemon --download-limit";
  }
  if (around === undefined) return null;
  const { seedUploadLimit, originLimit, originBytesPerSecond, uploadLimits } = around;
  if (cause === "neighbours" && uploadLimits.some((limit) => limit > 0)) return "daemon --upload-limit";
  if (cause === "seed" && seedUploadLimit > 0) return "supernode --upload-limit";
  if (cause === "origin" && originLimit > 0 && originBytesPerSecond >= reached * originLimit)
    return "supernode --origin-limit";
  return null;
}

function boundFor(
  { state, length, facts, bytesBySource }: Measured,
  around: Surroundings | undefined,
): HostExplanation["bound"] {
  const received = sum(Object.values(bytesBySource));
  const bytes = state === "complete" ? (length ?? received) : received;
  if (facts === null || facts.bestBytesPerSecond === 0 || facts.elapsedMs === 0 || bytes === 0) return null;
  const unlimited = (limit: number): number => (limit > 0 ? limit : Number.POSITIVE_INFINITY);
  const { hosts = 1, seedUploadLimit = 0, originBytesPerSecond = 0, uploadLimits = [] } = around ?? {};
  const allLimited = uploadLimits.length > 0 && uploadLimits.every((limit) => limit > 0);
  const upSum = allLimited ? (sum(uploadLimits) / uploadLimits.length) * hosts : Number.POSITIVE_INFINITY;
  const { seconds, by } = boundOf({
    bytes,
    hosts,
    source: unlimited(originBytesPerSecond),
    seedUp: unlimited(seedUploadLimit),
    down: Math.min(facts.bestBytesPerSecond, unlimited(facts.limits.request), unlimited(facts.limits.host)),
    upSum,
  });
  const rounded = Math.round(seconds * 100) / 100;
  return { seconds: rounded, by, times: Math.round(facts.elapsedMs / 10 / seconds) / 100 };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
