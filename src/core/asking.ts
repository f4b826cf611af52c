// What a download asks for: it fills its free slots, from peers first and then from the seed, and when all that is missing is on its way,
// asks a second time for what is late. Whom to ask for what is chosen in sources.ts.

import type { DownloadEffect } from "./download-event.ts";
import type { DownloadTuning } from "./download-tuning.ts";
import type { Flights } from "./flights.ts";
import type { PieceIndex } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { Pace } from "./pace.ts";
import type { Pieces } from "./pieces.ts";
import type { Random } from "./random.ts";
import { Sources } from "./sources.ts";
import type { RateLimit } from "./token-bucket.ts";

export interface AskingOptions {
  readonly pieces: Pieces;
  readonly neighbours: Neighbourhood;
  readonly flights: Flights;
  readonly pace: Pace;
  readonly limit: RateLimit | undefined;
  readonly random: Random;
  readonly tuning: DownloadTuning;
}

export class Asking {
  readonly #pieces: Pieces;
  readonly #neighbours: Neighbourhood;
  readonly #flights: Flights;
  readonly #pace: Pace;
  readonly #limit: RateLimit | undefined;
  readonly #tuning: DownloadTuning;
  readonly #sources: Sources;
  #limitedUntilMs = 0;
  #effects: DownloadEffect[] = [];

  constructor(options: AskingOptions) {
    this.#pieces = options.pieces;
    this.#neighbours = options.neighbours;
    this.#flights = options.flights;
    this.#pace = options.pace;
    this.#limit = options.limit;
    this.#tuning = options.tuning;
    this.#sources = new Sources(options);
  }

  /** Before then the host's rate limit forbids to ask for more. */
  get limitedUntilMs(): number {
    return this.#limitedUntilMs;
  }

  /** All that is missing is in flight. */
  get isEndgame(): boolean {
    return this.#pieces.sealed && this.#pieces.open.count === 0 && this.#flights.count > 0;
  }

  /** Appends what is asked now to the effects. Returns whether something was, or may not be yet. */
  fill(now: number, effects: DownloadEffect[]): boolean {
    const before = effects.length;
    this.#effects = effects;
    return !this.#fillSlots(now) || effects.length > before;
  }

  /** Returns false when the limit forbids to go on. */
  #fillSlots(now: number): boolean {
    const { slots } = this.#pace;
    while (this.#flights.hasSlot(slots) && this.#pieces.open.count > 0) {
      const waitMs = this.#limit?.waitMs(now) ?? 0;
      if (waitMs > 0) {
        this.#limitedUntilMs = now + waitMs;
        return false;
      }
      if (!this.#askNext(now, slots)) break;
    }
    if (this.#pace.isSmallSwarm && this.#pieces.open.count >= slots) this.#leanOnSeed(now);
    if (!this.#flights.hasSlot(slots)) this.#sources.full(now);
    else if (this.isEndgame) this.#askAgain(now);
    return true;
  }

  /** Returns whether there was somebody to ask. */
  #askNext(now: number, slots: number): boolean {
    const source = this.#sources.peer(now, slots);
    if (source !== undefined) {
      this.#ask(source.from, source.piece, now);
      return true;
    }
    const seed = this.#sources.seed(now, slots);
    if (seed !== undefined) this.#askAny(seed, now);
    return seed !== undefined;
  }

  /**
   * Few queues leave some uplink idle at any moment, and what a seed sends to few hosts is little: it always has one request. Not where little
   * is open, for then it is the origin that is waited for, and copies from the seed bring nothing that neighbours do not bring as soon.
   */
  #leanOnSeed(now: number): void {
    const seed = this.#sources.idleSeed(now);
    if (seed !== undefined) this.#askAny(seed, now);
  }

  #askAny(seed: Neighbour, now: number): void {
    this.#takeOff(seed, undefined, now);
    // With nobody to exchange with, an order other than the reader's is worth nothing.
    const wanted = this.#pieces.wanted(this.#tuning.windowPieces, this.#neighbours.alone);
    this.#effects.push({ type: "request-any", to: seed.id, wanted });
  }

  #ask(neighbour: Neighbour, piece: PieceIndex, now: number): void {
    this.#pieces.open.delete(piece);
    this.#takeOff(neighbour, piece, now);
    this.#effects.push({ type: "request", to: neighbour.id, piece });
  }

  #takeOff(from: Neighbour, piece: PieceIndex | undefined, now: number): void {
    this.#limit?.take(piece === undefined ? this.#pieces.pieceLength : this.#pieces.bytesOf(piece), now);
    this.#flights.takeOff({
      from,
      piece,
      askedAtMs: now,
      slots: this.#pace.slotsOf(from),
      movedAtMs: now,
      excusedMs: 0,
    });
  }

  #askAgain(now: number): void {
    const late = this.#flights.all.filter((flight) => flight.piece !== undefined && now >= this.#pace.lateAtMs(flight));
    late.sort((a, b) => a.askedAtMs - b.askedAtMs);
    for (const flight of late) {
      const piece = flight.piece as PieceIndex;
      if (this.#flights.countOf(piece) > 1) continue;
      const second = this.#sources.second(flight.from, piece, now);
      if (second === undefined) continue;
      this.#ask(second, piece, now);
      if (!this.#flights.hasSlot(this.#pace.slots)) return;
    }
  }
}
