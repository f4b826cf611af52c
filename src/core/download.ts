// The download of one version by one host, as a machine: events in, effects out; no bytes, no clock, no sockets.
//
// Theory of operation. A piece is `unknown` until the signed manifest names its digest, then `open`, `in flight` once asked for, and
// `held` when its bytes matched. A few requests are kept in flight, just enough to cover the network's delay. For each free slot one
// neighbour is drawn by its measured rate among those that are free and have something; of what it has, the rarest piece is taken. The
// seed is asked last, and chooses the piece itself. Whoever says `busy` is left alone for the time it names. When everything that is
// missing is in flight, late requests are made a second time elsewhere and the loser is cancelled (endgame). A request without progress
// is given up and its neighbour demoted (suspicion). Every few seconds the least useful neighbour is offered for a fresh one. docs/swarm.md
// tells what each rule is worth. What is known and measured stands in parts of its own: pieces.ts, neighbourhood.ts, flights.ts, pace.ts; what
// is asked for stands in asking.ts.

import { Asking } from "./asking.ts";
import type { Bitset } from "./bitset.ts";
import type { DownloadEffect, DownloadEvent, PieceFault } from "./download-event.ts";
import { type DownloadMoment, momentOf } from "./download-moment.ts";
import { type DownloadTuning, downloadTuning } from "./download-tuning.ts";
import { type Flight, Flights } from "./flights.ts";
import type { HostId, PieceIndex } from "./ids.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { OriginTurns } from "./origin-turns.ts";
import { Pace } from "./pace.ts";
import { holdsAny } from "./piece-choice.ts";
import { Pieces } from "./pieces.ts";
import type { Random } from "./random.ts";
import { ReadingFirst } from "./reading-first.ts";
import { findSlow } from "./slowness.ts";
import { Swapping } from "./swapping.ts";
import type { RateLimit } from "./token-bucket.ts";

export type DownloadState = "fetching" | "at-origin" | "complete";

export interface DownloadOptions {
  readonly length: number | null;
  readonly pieceLength: number;
  /** What is on disk already. */
  readonly held: Bitset;
  /** This host, where it may have to share the origin with neighbours. */
  readonly self?: HostId;
  readonly random: Random;
  /** The host's download limit, shared by all its downloads. */
  readonly limit?: RateLimit;
  readonly tuning?: DownloadTuning;
}

const NOTHING: readonly DownloadEffect[] = Object.freeze([]);
const NEVER = Number.POSITIVE_INFINITY;

export class Download {
  readonly #tuning: DownloadTuning;
  readonly #pieces: Pieces;
  readonly #neighbours: Neighbourhood;
  readonly #flights: Flights;
  readonly #pace: Pace;
  readonly #asking: Asking;
  readonly #swapping: Swapping;
  readonly #first = new ReadingFirst();
  #state: DownloadState = "fetching";
  readonly #originTurns: OriginTurns;
  /** Since when the seed has had nothing. */
  #starvingSinceMs = NEVER;
  #wakeAtMs: number | undefined;
  /** Time of the last step: what lies before it has had its chance. */
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: DownloadEffect[] = [];

  constructor(options: DownloadOptions) {
    this.#tuning = options.tuning ?? downloadTuning;
    this.#pieces = new Pieces(options.length, options.pieceLength, options.held);
    this.#neighbours = new Neighbourhood(this.#pieces);
    this.#flights = new Flights(this.#tuning.maxInFlight);
    this.#swapping = new Swapping(this.#tuning);
    this.#originTurns = new OriginTurns({
      self: options.self ?? ("" as HostId),
      pieces: this.#pieces,
      neighbours: this.#neighbours,
      tuning: this.#tuning,
    });
    this.#pace = new Pace(this.#tuning, options.pieceLength, this.#neighbours, this.#swapping);
    this.#asking = new Asking({
      pieces: this.#pieces,
      neighbours: this.#neighbours,
      flights: this.#flights,
      pace: this.#pace,
      limit: options.limit,
      random: options.random,
      tuning: this.#tuning,
    });
  }

  get state(): DownloadState {
    return this.#state;
  }

  /** Pieces held, in flight ones not counted. */
  get heldCount(): number {
    return this.#pieces.held.count;
  }

  /** Neighbours that answered, the seed not counted. */
  get neighbourCount(): number {
    return this.#neighbours.upCount;
  }

  get inFlightCount(): number {
    return this.#flights.count;
  }

  /** Smoothed bytes a second over all neighbours. */
  get rateBytesPerSecond(): number {
    return this.#pace.bytesPerSecond;
  }

  /** What it is doing now, for whoever wants to explain it. */
  moment(nowMs: number): DownloadMoment {
    return momentOf({
      pieces: this.#pieces,
      neighbours: this.#neighbours,
      flights: this.#flights,
      slots: this.#pace.slots,
      limited: this.#asking.limitedUntilMs > nowMs,
      atOrigin: this.#state === "at-origin",
    });
  }

  step(event: DownloadEvent, nowMs: number): readonly DownloadEffect[] {
    if (this.#state === "complete") return NOTHING;
    const lateMs = nowMs - this.nextWake();
    const due = lateMs >= 0;
    this.#nowMs = nowMs;
    if (due) this.#wake(nowMs, lateMs);
    if (event.type === "have") {
      // By far the commonest event, and most tell nothing that may be asked for: those must cost next to nothing.
      if (!this.#have(event.id, event.pieces) && !due) return NOTHING;
    } else this.#apply(event, nowMs);
    if (this.#pieces.complete) this.#finish();
    else if (event.type !== "arriving") {
      this.#fill(nowMs);
      this.#considerOrigin(nowMs);
    }
    if (this.#effects.length === 0) return NOTHING;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When the machine wants a `wake` though nothing happens, in the caller's milliseconds; Infinity for never. */
  nextWake(): number {
    this.#wakeAtMs ??= this.#computeWake();
    return this.#wakeAtMs;
  }

  #apply(event: Exclude<DownloadEvent, { type: "have" }>, now: number): void {
    switch (event.type) {
      case "known":
        this.#pieces.know(event.from, event.to);
        return this.#changed();
      case "sealed":
        this.#pieces.seal(event.length);
        return this.#changed();
      case "introduced":
        return this.#introduced(event.id, event.seed, now);
      case "bitmap":
        if (this.#neighbours.learn(event.id, event.held, event.rttMs)) this.#changed();
        return;
      case "gone":
        return this.#gone(event.id);
      case "granted":
        return this.#granted(event.id, event.piece, now);
      case "busy":
        return this.#refused(event, now);
      case "not-held":
        return this.#notHeld(event.id, event.piece, now);
      case "arriving":
        return this.#arriving(event.id, event.piece, now);
      case "verified":
        return this.#verified(event.id, event.piece, now);
      case "corrupt":
        return this.#expel(event.id, event.piece, "corrupt");
      case "vouched":
        return this.#vouched(event.id, event.piece, now);
      case "fetched":
        this.#originTurns.fed(now);
        return this.#keep(event.piece, undefined);
      case "origin-left":
        this.#state = "fetching";
        return;
      case "seed-away":
        this.#originTurns.seedAway(now);
        return this.#changed();
      case "seed-back":
        this.#originTurns.seedBack();
        this.#first.clear();
        return this.#changed();
      case "reader":
        this.#pieces.readAt(event.piece, event.last);
        return this.#readFirst();
      case "wake":
        return;
    }
  }

  #finish(): void {
    for (const flight of this.#flights.all) this.#cancel(flight);
    this.#flights.clear();
    this.#state = "complete";
    this.#wakeAtMs = NEVER;
    this.#effects.push({ type: "complete" });
  }

  // --- neighbours

  #introduced(id: HostId, seed: boolean, now: number): void {
    if (!this.#neighbours.meet(id, seed)) return;
    this.#swapping.begin(now);
    this.#changed();
  }

  /** Returns whether there is something new to ask for. */
  #have(id: HostId, gained: readonly PieceIndex[]): boolean {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined || neighbour.seed) return false;
    const before = neighbour.interest;
    const news = this.#neighbours.hear(neighbour, gained);
    // It may have been a reason to sleep that this neighbour had nothing.
    if (before === 0 && neighbour.interest > 0) this.#changed();
    return news;
  }

  #gone(id: HostId): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) return;
    for (const flight of this.#flights.from(neighbour)) this.#land(flight);
    this.#neighbours.leave(neighbour);
    this.#changed();
  }

  #expel(id: HostId, piece: PieceIndex, reason: PieceFault): void {
    this.#effects.push({ type: "strike", id, piece, reason }, { type: "drop", id });
    this.#gone(id);
  }

  /** The seed may be far from where the reader is. */
  #readFirst(): void {
    const run = this.#first.next(this.#pieces, this.#tuning.windowPieces);
    if (run !== undefined) this.#effects.push({ type: "read-first", ...run });
  }

  // --- answers to requests

  /** Ends a flight; its piece is open again unless held or on its way from elsewhere. */
  #land(flight: Flight): void {
    this.#flights.land(flight);
    const { piece } = flight;
    if (piece !== undefined && this.#flights.countOf(piece) === 0) this.#pieces.reopen(piece);
    this.#changed();
  }

  #cancel({ from, piece }: Flight): void {
    if (piece !== undefined) this.#effects.push({ type: "cancel", to: from.id, piece });
  }

  #granted(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flights.find(id, undefined);
    if (flight === undefined) return;
    if (!this.#pieces.open.delete(piece)) {
      // It came, or was asked of a neighbour, while the seed chose.
      this.#effects.push({ type: "cancel", to: id, piece });
      return this.#land(flight);
    }
    flight.piece = piece;
    flight.from.heardAtMs = now;
  }

  #refused({ id, piece, retryAfterMs }: Extract<DownloadEvent, { type: "busy" }>, now: number): void {
    const flight = this.#flights.find(id, piece);
    if (flight === undefined) return;
    flight.from.rest(Math.max(flight.from.freeAtMs, now + retryAfterMs));
    this.#pace.refused(now - flight.askedAtMs);
    this.#land(flight);
  }

  #notHeld(id: HostId, piece: PieceIndex | undefined, now: number): void {
    const flight = this.#flights.find(id, piece);
    if (flight === undefined) return;
    const { from } = flight;
    this.#land(flight);
    if (piece === undefined) {
      from.rest(now + 100);
      this.#starve(now);
    } else if (this.#neighbours.forget(from, piece)) this.#effects.push({ type: "strike", id, piece, reason: "lied" });
  }

  /** The seed has nothing of what is open. Where a neighbour has some, that will come in time. */
  #starve(now: number): void {
    if (this.#starvingSinceMs === NEVER) this.#starvingSinceMs = now;
    if (holdsAny(this.#neighbours.rarity, this.#pieces.open)) this.#starvingSinceMs = now;
    if (now - this.#starvingSinceMs < this.#tuning.starvingMs || this.#flights.count > 0) return;
    this.#starvingSinceMs = now;
    this.#effects.push({ type: "starving", pieces: this.#pieces.open.copy() });
  }

  #arriving(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flights.find(id, piece);
    if (flight === undefined) return;
    flight.movedAtMs = now;
    flight.from.heardAtMs = now;
    this.#changed();
  }

  #verified(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flights.find(id, piece);
    const bytes = this.#pieces.bytesOf(piece);
    if (flight !== undefined) {
      const tookMs = now - flight.askedAtMs;
      flight.from.answered(bytes, tookMs);
      flight.from.heardAtMs = now;
      this.#pace.answered(tookMs);
    }
    this.#pace.received(bytes, now);
    this.#originTurns.fed(now);
    this.#starvingSinceMs = NEVER;
    this.#keep(piece, flight);
  }

  /** It is not asked of the same neighbour again. */
  #vouched(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flights.find(id, piece);
    const neighbour = this.#neighbours.get(id);
    this.#originTurns.fed(now);
    if (neighbour !== undefined) this.#neighbours.forget(neighbour, piece);
    if (flight === undefined) return;
    flight.from.answered(this.#pieces.bytesOf(piece), now - flight.askedAtMs);
    this.#land(flight);
  }

  #keep(piece: PieceIndex, winner: Flight | undefined): void {
    if (!this.#pieces.keep(piece)) return;
    this.#neighbours.gained(piece);
    const flights = this.#flights.all;
    for (let at = flights.length - 1; at >= 0; at--) {
      const flight = flights[at] as Flight;
      if (flight.piece !== piece) continue;
      if (flight !== winner) this.#cancel(flight);
      this.#land(flight);
    }
  }

  // --- time

  /** A process that was held up finds its clocks run out before it has read what came meanwhile: that is nobody else's fault. */
  #wake(now: number, lateMs: number): void {
    this.#changed();
    if (lateMs >= this.#tuning.heldUpMs) this.#flights.excuse(lateMs + this.#tuning.heldUpMs);
    const suspects = this.#flights.all.filter((flight) => now >= this.#pace.suspectAtMs(flight));
    for (const flight of suspects) this.#suspect(flight, now);
    if (now < this.#swapping.dueMs) return;
    const slow = findSlow(this.#neighbours.all, this.#tuning);
    if (slow !== undefined) this.#expel(slow.id, this.#flights.from(slow)[0]?.piece ?? 0, "slow");
    const swap = this.#swapping.next(this.#neighbours.all, now);
    if (swap !== undefined) this.#effects.push({ type: "more-neighbours", ...swap });
  }

  #suspect(flight: Flight, now: number): void {
    const { from, piece } = flight;
    // It went with its neighbour a moment ago.
    if (!this.#flights.all.includes(flight)) return;
    this.#cancel(flight);
    this.#land(flight);
    const wasWell = from.stalls === 0;
    from.stalled(now);
    if (from.seed) return;
    if (wasWell) this.#effects.push({ type: "doubt", id: from.id });
    if (from.stalls < this.#tuning.maxStalls) return;
    this.#expel(from.id, piece ?? 0, "stalled");
  }

  #considerOrigin(now: number): void {
    if (this.#state !== "fetching" || !this.#originTurns.isDue(now)) return;
    if (this.#originTurns.begin(now)) this.#fill(now);
    if (this.#flights.count > 0 || holdsAny(this.#neighbours.rarity, this.#pieces.open)) return;
    const part = this.#originTurns.next(now);
    if (part === "later") return this.#changed();
    if (part === "nothing") {
      // All of it is here and verified; the seal would only have said so.
      this.#pieces.seal(this.#pieces.length ?? 0);
      return this.#finish();
    }
    this.#state = "at-origin";
    this.#effects.push({ type: "go-to-origin", ...part });
  }

  #computeWake(): number {
    let next = NEVER;
    const at = (deadline: number): void => {
      if (deadline > this.#nowMs && deadline < next) next = deadline;
    };
    at(this.#swapping.dueMs);
    for (const flight of this.#flights.all) at(this.#pace.suspectAtMs(flight));
    if (this.#flights.hasSlot(this.#pace.slots)) {
      at(this.#asking.limitedUntilMs);
      at(this.#neighbours.nextFreeMs);
      const { isEndgame } = this.#asking;
      for (const neighbour of isEndgame ? this.#neighbours.all : this.#neighbours.seeds) at(neighbour.freeAtMs);
      if (isEndgame) for (const flight of this.#flights.all) at(this.#pace.lateAtMs(flight));
    }
    for (const due of this.#originTurns.dueMs) at(due);
    return next;
  }

  #changed(): void {
    this.#wakeAtMs = undefined;
  }

  #fill(now: number): void {
    if (this.#asking.fill(now, this.#effects)) this.#changed();
  }
}
