// Which holdings go when room is needed: the least recently used first, what nobody else has after all others, none that is in use, and none at
// all when that would not be enough.

import type { VersionId } from "../core/ids.ts";

export interface EvictionCandidate {
  readonly id: VersionId;
  /** What its removal frees. */
  readonly bytes: number;
  readonly usedAtMs: number;
  /** Pinned, or being written at this moment. */
  readonly busy: boolean;
  /** Nobody else is known to hold all of it. */
  readonly last: boolean;
}

/** Between two pieces of a download, or between its end and its first reader, a holding looks idle; for this long it is not. */
export const evictionGraceMs = 3000;

/** The distance counts in both directions, so that a clock set back does not make everything unevictable. */
export function isEvictable(candidate: Pick<EvictionCandidate, "busy" | "usedAtMs">, nowMs: number): boolean {
  return !candidate.busy && Math.abs(nowMs - candidate.usedAtMs) >= evictionGraceMs;
}

/** More are not asked about: those that may go first of all that may. */
const mostAsked = 64;

/** Of which it is worth knowing whether others hold them before room is made. */
export function worthAsking(
  candidates: Iterable<EvictionCandidate & { readonly complete: boolean }>,
  nowMs: number,
): readonly VersionId[] {
  const evictable = [...candidates].filter((candidate) => candidate.complete && isEvictable(candidate, nowMs));
  evictable.sort((a, b) => a.usedAtMs - b.usedAtMs);
  return evictable.slice(0, mostAsked).map(({ id }) => id);
}

/** Ids to remove, in order; undefined when all that may go would not free `neededBytes`. */
export function chooseEvictions(
  candidates: Iterable<EvictionCandidate>,
  neededBytes: number,
  nowMs: number,
): readonly VersionId[] | undefined {
  const evictable = [...candidates].filter((candidate) => candidate.bytes > 0 && isEvictable(candidate, nowMs));
  evictable.sort((a, b) => Number(a.last) - Number(b.last) || a.usedAtMs - b.usedAtMs);
  const chosen: VersionId[] = [];
  let freed = 0;
  for (const candidate of evictable) {
    if (freed >= neededBytes) break;
    chosen.push(candidate.id);
    freed += candidate.bytes;
  }
  return freed >= neededBytes ? chosen : undefined;
}
