// When a download whose seed is away turns to the origin, and for which part of the content: after some patience, when nobody can be asked,
// and part by part, those that neighbours are nearer to read (origin-share.ts) last.

import type { DownloadTuning } from "./download-tuning.ts";
import type { HostId, PieceIndex } from "./ids.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { chooseShare } from "./origin-share.ts";
import type { Pieces } from "./pieces.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** Half-open; null is the end of a content whose length nobody knows: it can only be read as a whole. */
export interface OriginPart {
  readonly from: PieceIndex;
  readonly to: PieceIndex | null;
}

export interface OriginTurnsOptions {
  readonly self: HostId;
  readonly pieces: Pieces;
  readonly neighbours: Neighbourhood;
  readonly tuning: DownloadTuning;
}

export class OriginTurns {
  readonly #options: OriginTurnsOptions;
  #patientUntilMs = NEVER;
  #turnAtMs = NEVER;
  /** The last time that anything came from anywhere. */
  #fedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: OriginTurnsOptions) {
    this.#options = options;
  }

  /** The deadlines that `begin` and `next` wait for. */
  get dueMs(): readonly number[] {
    return [this.#patientUntilMs, this.#turnAtMs];
  }

  seedAway(nowMs: number): void {
    this.#patientUntilMs = Math.min(this.#patientUntilMs, nowMs + this.#options.tuning.originPatienceMs);
  }

  seedBack(): void {
    this.#patientUntilMs = NEVER;
    this.#turnAtMs = NEVER;
    this.#options.pieces.openUnsigned(false);
  }

  fed(nowMs: number): void {
    this.#fedAtMs = nowMs;
  }

  /** Whether patience has ended now: from here on what nobody signed is open as well. */
  begin(nowMs: number): boolean {
    if (nowMs < this.#patientUntilMs || this.#turnAtMs !== NEVER) return false;
    this.#turnAtMs = nowMs;
    this.#fedAtMs = nowMs;
    this.#options.pieces.openUnsigned(true);
    return true;
  }

  /** Whether the origin may be thought of. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#patientUntilMs;
  }

  /** What to read now; "later" while neighbours are nearer to read what is left, "nothing" when nothing is missing. */
  next(nowMs: number): OriginPart | "later" | "nothing" {
    const { self, pieces, neighbours, tuning } = this.#options;
    if (pieces.length === null) return { from: 0, to: null };
    const share = chooseShare({
      count: pieces.count,
      held: pieces.held,
      isSigned: (piece) => pieces.isKnown(piece),
      self,
      neighbours: neighbours.all.filter(({ seed, state }) => !seed && state === "up").map(({ id }) => id),
      chunkPieces: tuning.originPieces,
    });
    if (share === undefined) return "nothing";
    this.#turnAtMs = this.#fedAtMs + share.behind * tuning.originTurnMs;
    return nowMs < this.#turnAtMs ? "later" : { from: share.from, to: share.to };
  }
}
