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
    while (candidates.count > 0) {
      const at = candidates.draw(this.#random);
      const row = candidates.row(at);
      const piece = this.#pieceOf(row);
      if (piece >= 0) return { from: this.#neighbours.all[row] as Neighbour, piece };
      candidates.remove(at);
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
    for (const neighbour of this.#neighbours.seeds) {
      if (neighbour.state !== "up" || nowMs < neighbour.freeAtMs) continue;
      if (this.#flights.find(neighbour.id, undefined) === undefined) return neighbour;
    }
    return undefined;
  }

  /** A seed that was asked for nothing. */
  idleSeed(nowMs: number): Neighbour | undefined {
    return this.#neighbours.seeds.find(
      ({ state, freeAtMs, inFlight }) => state === "up" && nowMs >= freeAtMs && inFlight === 0,
    );
  }

  /** Another for a piece that is late from the first: a peer that holds it, else the seed. */
  second(first: Neighbour, piece: PieceIndex, nowMs: number): Neighbour | undefined {
    const able: Neighbour[] = [];
    let seed: Neighbour | undefined;
    for (const neighbour of this.#neighbours.all) {
      if (neighbour === first || neighbour.state !== "up" || nowMs < neighbour.freeAtMs) continue;
      if (neighbour.seed) seed = neighbour;
      else if (neighbour.inFlight < this.#tuning.perNeighbour && neighbour.holds(piece)) able.push(neighbour);
    }
    const rates = able.map(({ rate }) => rate);
    return able[pickByRate(rates, rates.length, this.#random)] ?? seed;
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

  #pieceOf(row: number): PieceIndex {
    const salt = this.#random.integer(0x7fffffff);
    const { open } = this.#pieces;
    const { rarity } = this.#neighbours;
    const held = this.#neighbours.heldBy(row);
    const window = this.#pieces.window(this.#tuning.windowPieces);
    if (window !== undefined) {
      const piece = pickRarest(held, open, rarity, window.from, window.to, salt);
      if (piece >= 0) return piece;
    }
    return pickRarest(held, open, rarity, 0, rarity.length, salt);
  }
}
