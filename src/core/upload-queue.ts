// What a host has promised to send: first come, first served, short, and "busy" at once beyond that. A short queue keeps a request's
// wait predictable, so that askers choose another neighbour instead of waiting in a line they cannot see. A seed has a second, longer
// queue for fresh pieces, those it has never given (giving.ts): they go ahead of copies, because each is worth more to the swarm than
// any number of copies, and copies are admitted only while they hold up little. docs/swarm.md, rules 4 and 7.

export interface UploadLimits {
  /** This many pieces may wait however slow the uplink is. */
  readonly minPieces: number;
  /** With so many askers, when none has come for a while, a swarm is small: too small to give each download the neighbours it wants. */
  readonly fewAskers: number;
  /** So many, if that is more, in a small swarm: each asker has more requests in flight there. */
  readonly minPiecesOfFew: number;
  /** There, as many as there are askers: what few of them take at a time is no measure of this uplink. */
  readonly placeForEachOfFew: boolean;
  /** Beyond that, as many bytes as the uplink sends in this time. */
  readonly windowMs: number;
  /** So many fresh pieces may wait in any case, whatever else does. */
  readonly freshPieces: number;
  /** How long an asker is told to stay away, at the least and at the most. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** Askers that were refused are called back at this rate: what this process can afford to refuse. */
  readonly refusalsPerSecond: number;
}

export const hostUploadLimits: UploadLimits = {
  minPieces: 4,
  fewAskers: 7,
  minPiecesOfFew: 7,
  placeForEachOfFew: false,
  windowMs: 0,
  freshPieces: 0,
  retryMs: 20,
  maxRetryMs: 10_000,
  refusalsPerSecond: 4000,
};

export const seedUploadLimits: UploadLimits = {
  minPieces: 3,
  fewAskers: 8,
  minPiecesOfFew: 3,
  placeForEachOfFew: true,
  windowMs: 200,
  freshPieces: 16,
  retryMs: 100,
  maxRetryMs: 10_000,
  refusalsPerSecond: 4000,
};

/** `busy` carries when to ask again. */
export type Admission = { readonly admitted: true } | Refusal;

export interface Refusal {
  readonly admitted: false;
  readonly retryAfterMs: number;
}

export interface AdmissionRequest {
  /** The piece was never given before. */
  readonly fresh?: boolean;
  /** Who asks, where askers are to take turns: at a seed. */
  readonly asker?: string | undefined;
  /** To the asker and back: for so long a piece that has left keeps its place. */
  readonly rttMs?: number | undefined;
}

interface Demand {
  readonly fresh: boolean;
  readonly rttMs: number;
  readonly nowMs: number;
}

/** An asker that is later than this for its appointment has lost interest. */
const lateMs = 100;
/** All who wait may have had their turn a moment ago: the uplink rests no longer than this, whatever was measured. */
const maxTurnMs = 60_000;
/** A piece that takes so many times the usual retry has a slow uplink to wait for. */
const slowPieceRetries = 3;
/** The rate is measured over so much at the least: what is smaller or shorter measures the network's delay. */
const measuredBytes = 256 * 1024;
const measuredMs = 100;

/** However slow the uplink was, it may be faster by then. */
const maxPieceMs = 200;

/** Of what the uplink sends while a piece that has left arrives: above 1 because the rate that is measured with too few places is too low. */
const arrivalFactor = 2;

/** When no asker has come for so long, a swarm has its size. */
const formedMs = 2000;

const ADMITTED: Admission = { admitted: true };

/** Counts what is promised; who sends it is the caller's queue, in the order of admission but the fresh ahead of what has not begun. */
export class UploadQueue {
  readonly #limits: UploadLimits;
  #askers = 0;
  #joinedAtMs = Number.NEGATIVE_INFINITY;
  #pieces = 0;
  #fresh = 0;
  #bytes = 0;
  #rate = 0;
  #busySince = 0;
  #busyMs = 0;
  #sentWhileBusy = 0;
  /** When the last refused asker was told to come back. */
  #lastCallMs = Number.NEGATIVE_INFINITY;
  /** Who was refused, and when each was told to come back: ascending. */
  readonly #line = new Map<string, number>();
  /** When those who got a piece while others waited have their next turn. */
  readonly #turns = new Map<string, number>();

  constructor(limits: UploadLimits) {
    this.#limits = limits;
  }

  /** Promised and not sent, fresh ones included. */
  get pieces(): number {
    return this.#pieces;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Measured over the times at which there was something to send; 0 until enough was sent to tell. */
  get rateBytesPerSecond(): number {
    return this.#rate;
  }

  /** Somebody may ask from now on. */
  joined(nowMs: number): void {
    this.#askers++;
    this.#joinedAtMs = nowMs;
  }

  left(): void {
    this.#askers--;
  }

  /**
   * Admits one piece, or says when to ask again. An admitted piece is in the queue until `sent` or `cancelled`, told the same `fresh`.
   * Askers that are named take turns: who got a piece while others wait has the next when the others could have had one.
   */
  admit(bytes: number, nowMs: number, { fresh = false, asker, rttMs = 0 }: AdmissionRequest = {}): Admission {
    if (!this.#hasRoom(bytes, { fresh, rttMs, nowMs }) || !this.#hasTurn(asker, nowMs))
      return this.refuse(nowMs, asker, bytes);
    if (asker !== undefined) this.#served(asker, bytes, nowMs);
    if (this.#pieces === 0) this.#busySince = nowMs;
    this.#pieces++;
    if (fresh) this.#fresh++;
    this.#bytes += bytes;
    return ADMITTED;
  }

  /**
   * Says when to ask again. Each asker gets an appointment of its own, so that a crowd of any size comes back no faster than this process
   * can answer.
   */
  refuse(nowMs: number, asker?: string, bytes = 0): Refusal {
    const { retryMs, maxRetryMs, refusalsPerSecond } = this.#limits;
    // No place is free before one piece has gone: on a slow uplink asking more often costs both sides and brings nothing.
    const pieceMs = this.#rate === 0 ? 0 : Math.min(maxPieceMs, (bytes * 1000) / this.#rate);
    const waitMs = pieceMs > slowPieceRetries * retryMs ? pieceMs : retryMs;
    const callMs = Math.max(nowMs + waitMs, this.#lastCallMs + 1000 / refusalsPerSecond);
    this.#lastCallMs = Math.min(callMs, nowMs + maxRetryMs);
    if (asker !== undefined) {
      this.#line.delete(asker);
      this.#line.set(asker, this.#lastCallMs);
      this.#forgetLate(nowMs);
    }
    return { admitted: false, retryAfterMs: Math.ceil(this.#lastCallMs - nowMs) };
  }

  sent(bytes: number, nowMs: number, fresh = false): void {
    this.#remove(bytes, fresh);
    this.#sentWhileBusy += bytes;
    const elapsed = this.#busyMs + nowMs - this.#busySince;
    if (this.#pieces === 0) this.#busyMs = elapsed;
    if (elapsed < measuredMs || this.#sentWhileBusy < measuredBytes) return;
    const measured = (this.#sentWhileBusy / Math.max(1, elapsed)) * 1000;
    this.#rate = this.#rate === 0 ? measured : this.#rate * 0.7 + measured * 0.3;
    this.#busySince = nowMs;
    this.#busyMs = 0;
    this.#sentWhileBusy = 0;
  }

  cancelled(bytes: number, fresh = false): void {
    this.#remove(bytes, fresh);
  }

  #hasRoom(bytes: number, { fresh, rttMs, nowMs }: Demand): boolean {
    const { windowMs, freshPieces } = this.#limits;
    if (fresh && this.#fresh < freshPieces) return true;
    const bytesPerMs = this.#rate / 1000;
    const places = this.#basePlaces(nowMs) + Math.floor((arrivalFactor * bytesPerMs * rttMs) / bytes);
    return this.#pieces < places || this.#bytes + bytes <= bytesPerMs * windowMs;
  }

  #basePlaces(nowMs: number): number {
    const { minPieces, minPiecesOfFew, placeForEachOfFew } = this.#limits;
    if (!this.#isSmallSwarm(nowMs)) return minPieces;
    return Math.max(minPieces, minPiecesOfFew, placeForEachOfFew ? this.#askers : 0);
  }

  #isSmallSwarm(nowMs: number): boolean {
    return this.#askers > 0 && this.#askers <= this.#limits.fewAskers && nowMs >= this.#joinedAtMs + formedMs;
  }

  #remove(bytes: number, fresh: boolean): void {
    this.#pieces--;
    if (fresh) this.#fresh--;
    this.#bytes -= bytes;
  }

  #hasTurn(asker: string | undefined, nowMs: number): boolean {
    if (asker === undefined) return true;
    // With a place for each there is nothing to take turns for, and a rate that is measured in turns is that of the turns.
    if (this.#limits.placeForEachOfFew && this.#isSmallSwarm(nowMs) && this.#pieces < this.#askers) return true;
    if ((this.#turns.get(asker) ?? 0) <= nowMs) return true;
    this.#forgetLate(nowMs);
    return this.#line.size - (this.#line.has(asker) ? 1 : 0) === 0;
  }

  /** Those who did not come when they were called do not wait any more. */
  #forgetLate(nowMs: number): void {
    for (const [waiting, callMs] of this.#line) {
      if (callMs + lateMs > nowMs) return;
      this.#line.delete(waiting);
    }
  }

  #served(asker: string, bytes: number, nowMs: number): void {
    this.#line.delete(asker);
    this.#turns.delete(asker);
    this.#forgetLate(nowMs);
    if (this.#line.size === 0) return this.#turns.clear();
    const roundMs = this.#rate === 0 ? 0 : (this.#line.size * bytes * 1000) / this.#rate;
    if (roundMs > 0) this.#turns.set(asker, nowMs + Math.min(maxTurnMs, roundMs));
    if (this.#turns.size <= 2 * this.#line.size + 64) return;
    for (const [one, turnMs] of this.#turns) if (turnMs <= nowMs) this.#turns.delete(one);
  }
}
