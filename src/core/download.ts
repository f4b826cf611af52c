// The download of one version by one host, as a machine: events in, effects out; no bytes, no clock, no sockets.
//
// Theory of operation. A piece is `unknown` until the signed manifest names its digest, then `open`, `in flight` once asked for, and
// `held` when its bytes matched. A few requests are kept in flight, just enough to cover the network's delay. For each free slot one
// neighbour is drawn by its measured rate among those that are free and have something; of what it has, the rarest piece is taken. The
// seed is asked last, and chooses the piece itself. Whoever says `busy` is left alone for the time it names. When everything that is
// missing is in flight, late requests are made a second time elsewhere and the loser is cancelled (endgame). A request without progress
// is given up and its neighbour demoted (suspicion). Each second the least useful neighbour is offered for a fresh one. docs/swarm.md tells
// what each rule is worth.

import { Bitset } from "./bitset.ts";
import { type DownloadTuning, downloadTuning } from "./download-tuning.ts";
import type { HostId, PieceIndex } from "./ids.ts";
import { Neighbour } from "./neighbour.ts";
import { holdsAny, leastUseful, pickByRate, pickRarest } from "./piece-choice.ts";
import type { Random } from "./random.ts";
import type { RateLimit } from "./token-bucket.ts";
import { pieceBytes } from "./version.ts";

export type DownloadEvent =
  /** The manifest names the digests of [from, to) now. */
  | { readonly type: "known"; readonly from: PieceIndex; readonly to: PieceIndex }
  /** The manifest is whole. */
  | { readonly type: "sealed"; readonly length: number }
  /** A neighbour to exchange with; the shell dials it. */
  | { readonly type: "introduced"; readonly id: HostId; readonly seed: boolean }
  /** The neighbour answered, or told anew, what it holds. */
  | { readonly type: "bitmap"; readonly id: HostId; readonly held: Bitset; readonly rttMs?: number }
  | { readonly type: "have"; readonly id: HostId; readonly pieces: readonly PieceIndex[] }
  | { readonly type: "gone"; readonly id: HostId }
  /** Answers to requests; `piece` undefined is a request for any piece. */
  | { readonly type: "granted"; readonly id: HostId; readonly piece: PieceIndex }
  | {
      readonly type: "busy";
      readonly id: HostId;
      readonly piece: PieceIndex | undefined;
      readonly retryAfterMs: number;
    }
  | { readonly type: "not-held"; readonly id: HostId; readonly piece: PieceIndex | undefined }
  | { readonly type: "arriving"; readonly id: HostId; readonly piece: PieceIndex }
  | { readonly type: "verified"; readonly id: HostId; readonly piece: PieceIndex }
  | { readonly type: "corrupt"; readonly id: HostId; readonly piece: PieceIndex }
  /** The origin was read by this host itself and gave this piece. */
  | { readonly type: "fetched"; readonly piece: PieceIndex }
  /** Whether the supernode, and the seed with it, is there. */
  | { readonly type: "seed-away" }
  | { readonly type: "seed-back" }
  /** Someone reads in order and is here; undefined when nobody does. */
  | { readonly type: "reader"; readonly piece: PieceIndex | undefined }
  | { readonly type: "wake" };

export type DownloadEffect =
  | { readonly type: "request"; readonly to: HostId; readonly piece: PieceIndex }
  | { readonly type: "request-any"; readonly to: HostId; readonly wanted: Bitset }
  | { readonly type: "cancel"; readonly to: HostId; readonly piece: PieceIndex }
  /** Ask the supernode for `count` fresh neighbours; `least` may be dropped for one of them. */
  | { readonly type: "more-neighbours"; readonly count: number; readonly least: HostId | undefined }
  | { readonly type: "drop"; readonly id: HostId }
  | {
      readonly type: "strike";
      readonly id: HostId;
      readonly piece: PieceIndex;
      readonly reason: "corrupt" | "stalled" | "lied";
    }
  /** Read what is missing at the origin: no seed is there and no neighbour can help. */
  | { readonly type: "go-to-origin" }
  | { readonly type: "complete" };

export type DownloadState = "fetching" | "at-origin" | "complete";

interface Flight {
  readonly from: Neighbour;
  /** undefined until the seed says which one it grants. */
  piece: PieceIndex | undefined;
  readonly askedAtMs: number;
  /** What it takes of the slots: less when it is asked of a slow neighbour, which brings less in the same time. */
  readonly slots: number;
  movedAtMs: number;
}

export interface DownloadOptions {
  readonly length: number | null;
  readonly pieceLength: number;
  /** What is on disk already. */
  readonly held: Bitset;
  readonly random: Random;
  /** The host's download limit, shared by all its downloads. */
  readonly limit?: RateLimit;
  readonly tuning?: DownloadTuning;
}

const NOTHING: readonly DownloadEffect[] = Object.freeze([]);
const NEVER = Number.POSITIVE_INFINITY;
/** What takes longer is no delay but a stall. */
const maxAnswerMs = 200;

export class Download {
  readonly #tuning: DownloadTuning;
  readonly #random: Random;
  readonly #limit: RateLimit | undefined;
  readonly #geometry: { length: number | null; readonly pieceLength: number };
  readonly #held: Bitset;
  readonly #known = new Bitset();
  /** Known, not held, not in flight: what may be asked for. */
  readonly #open = new Bitset();
  readonly #neighbours = new Map<HostId, Neighbour>();
  /** The same, for loops: walking a map costs several times as much. */
  readonly #all: Neighbour[] = [];
  #flights: Flight[] = [];
  #slotsTaken = 0;
  /** How many neighbours hold each piece. */
  #rarity = new Uint16Array(512);
  /** Pieces in all; undefined until the manifest is whole. */
  #total: number | undefined;
  #state: DownloadState = "fetching";
  #reader: PieceIndex | undefined;
  #seedAwayAtMs: number | undefined;
  #nextSwapMs: number | undefined;
  #swappedAtMs = Number.NEGATIVE_INFINITY;
  /** Smoothed milliseconds from request to verified; 0 before the first. */
  #usualMs = 0;
  #rate = 0;
  /** The farthest neighbour's. */
  #rttMs = 0;
  /** Smoothed milliseconds from a request to its refusal. */
  #answerMs = 0;
  #rateBytes = 0;
  #rateSinceMs = 0;
  #wakeAtMs: number | undefined;
  #limitedUntilMs = 0;
  /** When all slots were taken last. */
  #fullAtMs = Number.NEGATIVE_INFINITY;
  /** When the first of those that are busy may be asked again, as of the last look at the neighbours. */
  #nextFreeMs = NEVER;
  /** Time of the last step: what lies before it has had its chance. */
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: DownloadEffect[] = [];
  readonly #scratch: Neighbour[] = [];

  constructor(options: DownloadOptions) {
    this.#tuning = options.tuning ?? downloadTuning;
    this.#random = options.random;
    this.#limit = options.limit;
    this.#geometry = { length: options.length, pieceLength: options.pieceLength };
    this.#held = options.held.copy();
  }

  get state(): DownloadState {
    return this.#state;
  }

  /** Pieces held, in flight ones not counted. */
  get heldCount(): number {
    return this.#held.count;
  }

  /** Neighbours that answered, the seed not counted. */
  get neighbourCount(): number {
    let count = 0;
    for (const neighbour of this.#all) if (!neighbour.seed && neighbour.state === "up") count++;
    return count;
  }

  get inFlightCount(): number {
    return this.#flights.length;
  }

  /** Smoothed bytes a second over all neighbours. */
  get rateBytesPerSecond(): number {
    return this.#rate;
  }

  step(event: DownloadEvent, nowMs: number): readonly DownloadEffect[] {
    if (this.#state === "complete") return NOTHING;
    const due = nowMs >= this.nextWake();
    this.#nowMs = nowMs;
    if (due) this.#wake(nowMs);
    if (event.type === "have") {
      // By far the commonest event, and most tell nothing that may be asked for: those must cost next to nothing.
      if (!this.#have(event.id, event.pieces) && !due) return NOTHING;
    } else this.#apply(event, nowMs);
    if (this.#isComplete()) this.#finish();
    else if (event.type !== "arriving") {
      this.#fill(nowMs);
      if (this.#seedAwayAtMs !== undefined) this.#considerOrigin(nowMs);
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
        for (let piece = event.from; piece < event.to; piece++) {
          if (this.#known.add(piece) && !this.#held.has(piece)) this.#open.add(piece);
        }
        return this.#changed();
      case "sealed":
        this.#geometry.length = event.length;
        this.#total = Math.ceil(event.length / this.#geometry.pieceLength);
        return this.#changed();
      case "introduced":
        return this.#introduced(event.id, event.seed, now);
      case "bitmap":
        return this.#learn(event.id, event.held, event.rttMs);
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
        return this.#corrupt(event.id, event.piece);
      case "fetched":
        return this.#keep(event.piece, undefined);
      case "seed-away":
        this.#seedAwayAtMs ??= now;
        return this.#changed();
      case "seed-back":
        this.#seedAwayAtMs = undefined;
        return this.#changed();
      case "reader":
        this.#reader = event.piece;
        return;
      case "wake":
        return;
    }
  }

  #isComplete(): boolean {
    return this.#total !== undefined && this.#held.count >= this.#total && this.#state !== "complete";
  }

  #finish(): void {
    for (const flight of this.#flights) {
      if (flight.piece !== undefined) this.#effects.push({ type: "cancel", to: flight.from.id, piece: flight.piece });
    }
    this.#flights = [];
    this.#slotsTaken = 0;
    this.#state = "complete";
    this.#wakeAtMs = NEVER;
    this.#effects.push({ type: "complete" });
  }

  // --- what neighbours hold

  #introduced(id: HostId, seed: boolean, now: number): void {
    if (this.#neighbours.has(id)) return;
    const { length, pieceLength } = this.#geometry;
    const neighbour = new Neighbour(id, seed, Math.ceil((length ?? 0) / pieceLength));
    this.#neighbours.set(id, neighbour);
    this.#all.push(neighbour);
    this.#nextSwapMs ??= now + this.#tuning.fillEveryMs;
    this.#changed();
  }

  #learn(id: HostId, held: Bitset, rttMs: number | undefined): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) return;
    neighbour.state = "up";
    if (rttMs !== undefined) {
      neighbour.rttMs = rttMs;
      this.#rttMs = Math.max(this.#rttMs, rttMs);
    }
    if (!neighbour.seed) {
      this.#forgetHoldings(neighbour);
      for (const piece of held) this.#hasPiece(neighbour, piece);
    }
    this.#changed();
  }

  /** Returns whether there is something new to ask for. What the download holds itself is not worth noting of others. */
  #have(id: HostId, pieces: readonly PieceIndex[]): boolean {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined || neighbour.seed) return false;
    const before = neighbour.interest;
    let news = false;
    for (const piece of pieces) {
      if (this.#held.has(piece)) continue;
      this.#hasPiece(neighbour, piece);
      if (this.#open.has(piece)) news = true;
    }
    // It may have been a reason to sleep that this neighbour had nothing.
    if (before === 0 && neighbour.interest > 0) this.#changed();
    return news;
  }

  #hasPiece(neighbour: Neighbour, piece: PieceIndex): void {
    if (!neighbour.held.add(piece)) return;
    if (piece >= this.#rarity.length) this.#growRarity(piece);
    this.#rarity[piece] = (this.#rarity[piece] as number) + 1;
    if (!this.#held.has(piece)) neighbour.interest++;
  }

  #forgetHoldings(neighbour: Neighbour): void {
    for (const piece of neighbour.held) this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
    neighbour.held.clear();
    neighbour.interest = 0;
  }

  #growRarity(piece: PieceIndex): void {
    const grown = new Uint16Array(Math.max(piece + 1, this.#rarity.length * 2));
    grown.set(this.#rarity);
    this.#rarity = grown;
  }

  #gone(id: HostId): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) return;
    for (const flight of this.#flights.filter((candidate) => candidate.from === neighbour)) this.#land(flight);
    this.#forgetHoldings(neighbour);
    this.#neighbours.delete(id);
    this.#all.splice(this.#all.indexOf(neighbour), 1);
    this.#rttMs = 0;
    for (const { rttMs } of this.#all) this.#rttMs = Math.max(this.#rttMs, rttMs);
    this.#changed();
  }

  // --- answers to requests

  #flight(id: HostId, piece: PieceIndex | undefined): Flight | undefined {
    for (const flight of this.#flights) if (flight.piece === piece && flight.from.id === id) return flight;
    return undefined;
  }

  /** Ends a flight; its piece is open again unless held or on its way from elsewhere. */
  #land(flight: Flight): void {
    this.#flights.splice(this.#flights.indexOf(flight), 1);
    this.#slotsTaken -= flight.slots;
    flight.from.inFlight--;
    const { piece } = flight;
    if (piece !== undefined && !this.#held.has(piece) && !this.#flights.some((other) => other.piece === piece)) {
      this.#open.add(piece);
    }
    this.#changed();
  }

  #granted(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flight(id, undefined);
    if (flight === undefined) return;
    if (!this.#open.has(piece)) {
      // It came, or was asked of a neighbour, while the seed chose.
      this.#effects.push({ type: "cancel", to: id, piece });
      return this.#land(flight);
    }
    this.#open.delete(piece);
    flight.piece = piece;
    flight.movedAtMs = now;
  }

  #refused({ id, piece, retryAfterMs }: Extract<DownloadEvent, { type: "busy" }>, now: number): void {
    const flight = this.#flight(id, piece);
    if (flight === undefined) return;
    flight.from.freeAtMs = Math.max(flight.from.freeAtMs, Math.ceil(now + retryAfterMs));
    // A refusal is sent at once, so it tells what the network and the two processes take, loaded as they are.
    this.#answerMs = this.#answerMs * 0.9 + Math.min(maxAnswerMs, now - flight.askedAtMs) * 0.1;
    this.#land(flight);
  }

  #notHeld(id: HostId, piece: PieceIndex | undefined, now: number): void {
    const flight = this.#flight(id, piece);
    if (flight === undefined) return;
    const { from } = flight;
    this.#land(flight);
    if (piece === undefined) {
      from.freeAtMs = Math.ceil(now) + 100;
    } else if (from.held.delete(piece)) {
      this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
      if (!this.#held.has(piece)) from.interest--;
      this.#effects.push({ type: "strike", id, piece, reason: "lied" });
    }
  }

  #arriving(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flight(id, piece);
    if (flight === undefined) return;
    flight.movedAtMs = now;
    this.#changed();
  }

  #verified(id: HostId, piece: PieceIndex, now: number): void {
    const flight = this.#flight(id, piece);
    const bytes = pieceBytes(this.#geometry, piece);
    if (flight !== undefined) {
      const tookMs = now - flight.askedAtMs;
      flight.from.answered(bytes, tookMs);
      this.#usualMs = this.#usualMs === 0 ? tookMs : this.#usualMs * 0.9 + tookMs * 0.1;
    }
    this.#measure(bytes, now);
    this.#keep(piece, flight);
  }

  #measure(bytes: number, now: number): void {
    if (this.#rateSinceMs === 0) this.#rateSinceMs = now;
    this.#rateBytes += bytes;
    const elapsed = now - this.#rateSinceMs;
    if (elapsed < 250) return;
    const measured = (this.#rateBytes / elapsed) * 1000;
    this.#rate = this.#rate === 0 ? measured : (this.#rate + measured) / 2;
    this.#rateBytes = 0;
    this.#rateSinceMs = now;
  }

  #keep(piece: PieceIndex, winner: Flight | undefined): void {
    if (!this.#held.add(piece)) return;
    this.#open.delete(piece);
    for (const neighbour of this.#all) if (neighbour.held.has(piece)) neighbour.interest--;
    for (let at = this.#flights.length - 1; at >= 0; at--) {
      const flight = this.#flights[at] as Flight;
      if (flight.piece !== piece) continue;
      if (flight !== winner) this.#effects.push({ type: "cancel", to: flight.from.id, piece });
      this.#land(flight);
    }
  }

  #corrupt(id: HostId, piece: PieceIndex): void {
    this.#effects.push({ type: "strike", id, piece, reason: "corrupt" }, { type: "drop", id });
    this.#gone(id);
  }

  // --- time

  #wake(now: number): void {
    this.#changed();
    for (const flight of this.#flights.filter((candidate) => now >= this.#suspectAt(candidate))) {
      this.#suspect(flight, now);
    }
    if (this.#nextSwapMs !== undefined && now >= this.#nextSwapMs) this.#swap(now);
  }

  #suspectAt(flight: Flight): number {
    const { suspectAfterMs, suspectFactor, suspectFirstMs } = this.#tuning;
    const patience = this.#usualMs === 0 ? suspectFirstMs : Math.max(suspectAfterMs, this.#usualMs * suspectFactor);
    return flight.movedAtMs + patience;
  }

  #suspect(flight: Flight, now: number): void {
    const { from, piece } = flight;
    // It went with its neighbour a moment ago.
    if (!this.#flights.includes(flight)) return;
    if (piece !== undefined) this.#effects.push({ type: "cancel", to: from.id, piece });
    this.#land(flight);
    from.stalled(now);
    if (from.stalls < this.#tuning.maxStalls || from.seed) return;
    this.#effects.push({ type: "strike", id: from.id, piece: piece ?? 0, reason: "stalled" });
    this.#effects.push({ type: "drop", id: from.id });
    this.#gone(from.id);
  }

  #swap(now: number): void {
    const { neighbours, fillEveryMs, swapEveryMs } = this.#tuning;
    const peers = this.#all.filter((neighbour) => !neighbour.seed);
    const missing = neighbours - peers.length;
    this.#nextSwapMs = now + fillEveryMs;
    if (missing > 0) {
      this.#effects.push({ type: "more-neighbours", count: missing, least: undefined });
      return;
    }
    if (now < this.#swappedAtMs + swapEveryMs) return;
    this.#swappedAtMs = now;
    const least = leastUseful(peers);
    if (least !== undefined) this.#effects.push({ type: "more-neighbours", count: 1, least: least.id });
  }

  #considerOrigin(now: number): void {
    if (this.#seedAwayAtMs === undefined || this.#state !== "fetching" || this.#flights.length > 0) return;
    if (now < this.#seedAwayAtMs + this.#tuning.originPatienceMs) return;
    for (const neighbour of this.#all) if (neighbour.interest > 0) return;
    this.#state = "at-origin";
    this.#effects.push({ type: "go-to-origin" });
  }

  #computeWake(): number {
    let next = NEVER;
    const at = (deadline: number): void => {
      if (deadline > this.#nowMs && deadline < next) next = deadline;
    };
    at(this.#nextSwapMs ?? NEVER);
    for (const flight of this.#flights) at(this.#suspectAt(flight));
    if (this.#hasSlot(this.#slots())) {
      at(this.#limitedUntilMs);
      at(this.#nextFreeMs);
      const endgame = this.#endgame();
      for (const neighbour of this.#all) if (endgame || neighbour.seed) at(neighbour.freeAtMs);
      if (endgame) for (const flight of this.#flights) at(this.#lateAt(flight));
    }
    if (this.#seedAwayAtMs !== undefined) at(this.#seedAwayAtMs + this.#tuning.originPatienceMs);
    return next;
  }

  #changed(): void {
    this.#wakeAtMs = undefined;
  }

  // --- asking

  #slots(): number {
    const { baseInFlight, delayFactor, maxInFlight } = this.#tuning;
    const delayMs = Math.max(this.#rttMs, this.#answerMs);
    const perDelay = Math.ceil((delayFactor * delayMs * this.#rate) / 1000 / this.#geometry.pieceLength);
    return Math.min(maxInFlight, baseInFlight + perDelay);
  }

  #hasSlot(slots: number): boolean {
    return this.#slotsTaken < slots && this.#flights.length < this.#tuning.maxInFlight;
  }

  /** Its pieces take much longer than pieces usually do. */
  #isSlow({ rate }: Neighbour): boolean {
    return rate > 0 && rate * this.#usualMs * this.#tuning.slowFactor < this.#geometry.pieceLength * 1000;
  }

  #fill(now: number): void {
    const slots = this.#slots();
    while (this.#hasSlot(slots) && this.#open.count > 0) {
      if (this.#limit !== undefined) {
        const waitMs = this.#limit.waitMs(now);
        if (waitMs > 0) {
          this.#limitedUntilMs = now + waitMs;
          this.#changed();
          return;
        }
      }
      if (!this.#askPeer(now, slots) && !(this.#needsSeed(slots, now) && this.#askSeed(now))) return;
    }
    if (!this.#hasSlot(slots)) this.#fullAtMs = now;
    else if (this.#endgame()) this.#askAgain(now);
  }

  /** Those that may be asked now, in an array that is used again. */
  #candidates(now: number, slots: number): Neighbour[] {
    const candidates = this.#scratch;
    candidates.length = 0;
    this.#nextFreeMs = NEVER;
    let useful = 0;
    for (const neighbour of this.#all) {
      if (neighbour.seed || neighbour.state !== "up" || neighbour.interest === 0) continue;
      useful++;
      if (now >= neighbour.freeAtMs) candidates.push(neighbour);
      else if (neighbour.freeAtMs < this.#nextFreeMs) this.#nextFreeMs = neighbour.freeAtMs;
    }
    const cap = Math.max(this.#tuning.perNeighbour, Math.ceil(slots / Math.max(1, useful)));
    let kept = 0;
    for (const neighbour of candidates) if (neighbour.inFlight < cap) candidates[kept++] = neighbour;
    candidates.length = kept;
    return candidates;
  }

  #askPeer(now: number, slots: number): boolean {
    const candidates = this.#candidates(now, slots);
    while (candidates.length > 0) {
      const neighbour = pickByRate(candidates, this.#random);
      if (neighbour === undefined) return false;
      const piece = this.#pieceOf(neighbour);
      if (piece >= 0) {
        this.#ask(neighbour, piece, now);
        return true;
      }
      candidates.splice(candidates.indexOf(neighbour), 1);
    }
    return false;
  }

  #pieceOf(neighbour: Neighbour): PieceIndex {
    const salt = this.#random.integer(0x7fffffff);
    const end = this.#rarity.length;
    if (this.#reader !== undefined) {
      const [from, to] = this.#window(this.#reader);
      const piece = pickRarest(neighbour.held, this.#open, this.#rarity, from, to, salt);
      if (piece >= 0) return piece;
    }
    return pickRarest(neighbour.held, this.#open, this.#rarity, 0, end, salt);
  }

  /** The pieces that a reader at `piece` needs next: from the first that is missing. */
  #window(piece: PieceIndex): readonly [PieceIndex, PieceIndex] {
    let from = piece;
    while (this.#held.has(from)) from++;
    this.#reader = from;
    return [from, from + this.#tuning.windowPieces];
  }

  /**
   * A single slot that is free for a moment while neighbours are busy is not worth the seed's bytes. But what slow neighbours hold up the seed
   * may make up for, and what no neighbour has there is nobody else to ask for.
   */
  #needsSeed(slots: number, now: number): boolean {
    return (
      this.#slotsTaken + 1 < slots ||
      this.#slotsTaken < this.#flights.length ||
      now - this.#fullAtMs >= this.#tuning.seedPatienceMs ||
      !holdsAny(this.#rarity, this.#open)
    );
  }

  #askSeed(now: number): boolean {
    for (const neighbour of this.#all) {
      if (!neighbour.seed || neighbour.state !== "up" || now < neighbour.freeAtMs) continue;
      // The seed sees only what was open when it was asked, so what is asked at once must differ: one unanswered question at a time.
      if (this.#flight(neighbour.id, undefined) !== undefined) continue;
      this.#charge(this.#geometry.pieceLength, now);
      this.#takeOff(neighbour, undefined, now);
      this.#effects.push({ type: "request-any", to: neighbour.id, wanted: this.#wantedOfSeed() });
      return true;
    }
    return false;
  }

  #wantedOfSeed(): Bitset {
    if (this.#reader === undefined) return this.#open.copy();
    const [from, to] = this.#window(this.#reader);
    const wanted = new Bitset(to);
    for (let piece = from; piece < to; piece++) if (this.#open.has(piece)) wanted.add(piece);
    return wanted.count > 0 ? wanted : this.#open.copy();
  }

  #ask(neighbour: Neighbour, piece: PieceIndex, now: number): void {
    this.#charge(pieceBytes(this.#geometry, piece), now);
    this.#open.delete(piece);
    this.#takeOff(neighbour, piece, now);
    this.#effects.push({ type: "request", to: neighbour.id, piece });
  }

  #charge(bytes: number, now: number): void {
    this.#limit?.take(bytes, now);
  }

  #takeOff(from: Neighbour, piece: PieceIndex | undefined, now: number): void {
    from.inFlight++;
    const slots = this.#isSlow(from) ? this.#tuning.slowSlots : 1;
    this.#slotsTaken += slots;
    this.#flights.push({ from, piece, askedAtMs: now, slots, movedAtMs: now });
    this.#changed();
  }

  // --- endgame

  /** All that is missing is in flight. */
  #endgame(): boolean {
    return this.#total !== undefined && this.#open.count === 0 && this.#flights.length > 0;
  }

  #lateAt(flight: Flight): number {
    const { endgameFactor, suspectAfterMs } = this.#tuning;
    return flight.askedAtMs + (this.#usualMs === 0 ? suspectAfterMs : this.#usualMs * endgameFactor);
  }

  #askAgain(now: number): void {
    const late = this.#flights.filter((flight) => flight.piece !== undefined && now >= this.#lateAt(flight));
    late.sort((a, b) => a.askedAtMs - b.askedAtMs);
    for (const flight of late) {
      const piece = flight.piece as PieceIndex;
      if (this.#flights.filter((other) => other.piece === piece).length > 1) continue;
      const second = this.#secondSource(flight.from, piece, now);
      if (second === undefined) continue;
      this.#ask(second, piece, now);
      if (!this.#hasSlot(this.#slots())) return;
    }
  }

  #secondSource(first: Neighbour, piece: PieceIndex, now: number): Neighbour | undefined {
    const able: Neighbour[] = [];
    let seed: Neighbour | undefined;
    for (const neighbour of this.#all) {
      if (neighbour === first || neighbour.state !== "up" || now < neighbour.freeAtMs) continue;
      if (neighbour.seed) seed = neighbour;
      else if (neighbour.inFlight < this.#tuning.perNeighbour && neighbour.held.has(piece)) able.push(neighbour);
    }
    return pickByRate(able, this.#random) ?? seed;
  }
}
