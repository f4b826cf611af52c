// How fast a download goes, and what follows from it: how many requests it keeps in flight, and when one of them is late or suspect.

import type { DownloadTuning } from "./download-tuning.ts";
import type { Flight } from "./flights.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { RateMeter } from "./rate-meter.ts";
import type { Swapping } from "./swapping.ts";

/** What takes longer is no delay but a stall. */
const maxAnswerMs = 200;

export class Pace {
  readonly #tuning: DownloadTuning;
  readonly #pieceLength: number;
  readonly #neighbours: Neighbourhood;
  readonly #swapping: Swapping;
  readonly #meter = new RateMeter();
  /** Smoothed milliseconds from request to verified; 0 before the first. */
  #usualMs = 0;
  /** Smoothed milliseconds from a request to its refusal. */
  #answerMs = 0;

  constructor(tuning: DownloadTuning, pieceLength: number, neighbours: Neighbourhood, swapping: Swapping) {
    this.#neighbours = neighbours;
    this.#swapping = swapping;
    this.#tuning = tuning;
    this.#pieceLength = pieceLength;
  }

  /** Smoothed, over all neighbours. */
  get bytesPerSecond(): number {
    return this.#meter.bytesPerSecond;
  }

  answered(tookMs: number): void {
    this.#usualMs = this.#usualMs === 0 ? tookMs : this.#usualMs * 0.9 + tookMs * 0.1;
  }

  /** A refusal is sent at once, so it tells what the network and the two processes take, loaded as they are. */
  refused(tookMs: number): void {
    this.#answerMs = this.#answerMs * 0.9 + Math.min(maxAnswerMs, tookMs) * 0.1;
  }

  received(bytes: number, nowMs: number): void {
    this.#meter.add(bytes, nowMs);
  }

  /** So small that each host's queue counts. */
  get isSmallSwarm(): boolean {
    return this.#swapping.smallSwarm || this.#neighbours.alone;
  }

  /** How many requests are kept in flight: just enough to cover the delay to the farthest neighbour and back. */
  get slots(): number {
    const { baseInFlight, baseInFlightOfFew, delayFactor, maxInFlight } = this.#tuning;
    const base = this.isSmallSwarm ? baseInFlightOfFew : baseInFlight;
    const delayMs = Math.max(this.#neighbours.rttMs, this.#answerMs);
    const perDelay = Math.ceil((delayFactor * delayMs * this.bytesPerSecond) / 1000 / this.#pieceLength);
    return Math.min(maxInFlight, base + perDelay);
  }

  /** What a request to the neighbour takes of the slots: less where pieces take much longer than they usually do. */
  slotsOf({ rate }: Neighbour): number {
    const { slowFactor, slowSlots } = this.#tuning;
    return rate > 0 && rate * this.#usualMs * slowFactor < this.#pieceLength * 1000 ? slowSlots : 1;
  }

  /**
   * When a request is given up: its neighbour has sent nothing for long, or only what else it was asked for. What waits in a neighbour's queue is
   * sent in turn, so each piece of it speaks for those behind. At a seed the queue is other hosts' too, and a request that is given up
   * loses its place in it.
   */
  suspectAtMs({ from, movedAtMs, excusedMs }: Flight): number {
    const { suspectAfterMs, suspectFactor, suspectFirstMs, suspectSeedMs, swallowedFactor } = this.#tuning;
    const least = from.seed ? suspectSeedMs : suspectAfterMs;
    const patience = this.#usualMs === 0 ? suspectFirstMs : Math.max(least, this.#usualMs * suspectFactor);
    const silentMs = Math.max(movedAtMs, from.heardAtMs) + patience;
    return excusedMs + (from.seed ? silentMs : Math.min(silentMs, movedAtMs + patience * swallowedFactor));
  }

  /** When, in the endgame, its piece is asked for a second time. */
  lateAtMs({ askedAtMs }: Flight): number {
    const { endgameFactor, suspectAfterMs } = this.#tuning;
    return askedAtMs + (this.#usualMs === 0 ? suspectAfterMs : this.#usualMs * endgameFactor);
  }
}
