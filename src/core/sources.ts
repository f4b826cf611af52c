// Whom a download asks next, and for which piece: the rules of docs/swarm.md over what is known of the neighbours.

import type { DownloadTuning } from "./download-tuning.ts";
import type { Flights } from "./flights.ts";
import type { PieceIndex } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { holdsAny, pickByRate, pickRarest } from "./piece-choice.ts";
import type { Pieces } from "./pieces.ts";
import type { Random } from "./random.ts";

export interface PieceSource {
  readonly from: Neighbour;
  readonly piece: PieceIndex;
}

export interface SourcesOptions {
  readonly pieces: Pieces;
  readonly neighbours: Neighbourhood;
  readonly flights: Flights;
  readonly random: Random;
  readonly tuning: DownloadTuning;
}

export class Sources {
  readonly #pieces: Pieces;
  readonly #neighbours: Neighbourhood;
  readonly #flights: Flights;
  readonly #random: Random;
  readonly #tuning: DownloadTuning;
  /** When all slots were taken last. */
  #fullAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SourcesOptions) {
    this.#pieces = options.pieces;
    this.#neighbours = options.neighbours;
    this.#flights = options.flights;
    this.#random = options.random;
    this.#tuning = options.tuning;
  }

  /** A free peer drawn by its rate, and the rarest open piece that it holds. */
  peer(nowMs: number, slots: number): PieceSource | undefined {
    const candidates = this.#neighbours.free(nowMs, slots, this.#tuning.perNeighbour);
    while (candidates.length > 0) {
      const from = pickByRate(candidates, this.#random);
      if (from === undefined) return undefined;
      const piece = this.#pieceOf(from);
      if (piece >= 0) return { from, piece };
      candidates.splice(candidates.indexOf(from), 1);
    }
    return undefined;
  }

  /** All slots are taken. */
  full(nowMs: number): void {
    this.#fullAtMs = nowMs;
  }

  /** A seed to ask for any piece, if it is worth its bytes. It sees only what was open when it was asked: one unanswered question at a time. */
  seed(nowMs: number, slots: number): Neighbour | undefined {
    if (!this.#needsSeed(nowMs, slots)) return undefined;
    for (const neighbour of this.#neighbours.all) {
      if (!neighbour.seed || neighbour.state !== "up" || nowMs < neighbour.freeAtMs) continue;
      if (this.#flights.find(neighbour.id, undefined) === undefined) return neighbour;
    }
    return undefined;
  }

  /** Another for a piece that is late from the first: a peer that holds it, else the seed. */
  second(first: Neighbour, piece: PieceIndex, nowMs: number): Neighbour | undefined {
    const able: Neighbour[] = [];
    let seed: Neighbour | undefined;
    for (const neighbour of this.#neighbours.all) {
      if (neighbour === first || neighbour.state !== "up" || nowMs < neighbour.freeAtMs) continue;
      if (neighbour.seed) seed = neighbour;
      else if (neighbour.inFlight < this.#tuning.perNeighbour && neighbour.held.has(piece)) able.push(neighbour);
    }
    return pickByRate(able, this.#random) ?? seed;
  }

  /**
   * A single slot that is free for a moment while neighbours are busy is not worth the seed's bytes. But what slow neighbours hold up the seed
   * may make up for, and what no neighbour has there is nobody else to ask for.
   */
  #needsSeed(nowMs: number, slots: number): boolean {
    const { slotsTaken, count } = this.#flights;
    return (
      slotsTaken + 1 < slots ||
      slotsTaken < count ||
      nowMs - this.#fullAtMs >= this.#tuning.seedPatienceMs ||
      !holdsAny(this.#neighbours.rarity, this.#pieces.open)
    );
  }

  #pieceOf(neighbour: Neighbour): PieceIndex {
    const salt = this.#random.integer(0x7fffffff);
    const { open } = this.#pieces;
    const { rarity } = this.#neighbours;
    const from = this.#pieces.windowStart();
    if (from !== undefined) {
      const piece = pickRarest(neighbour.held, open, rarity, from, from + this.#tuning.windowPieces, salt);
      if (piece >= 0) return piece;
    }
    return pickRarest(neighbour.held, open, rarity, 0, rarity.length, salt);
  }
}
