// What a host has promised to send: first come, first served, short, and "busy" at once beyond that. A short queue keeps a request's
// wait predictable, so that askers choose another neighbour instead of waiting in a line they cannot see (docs/swarm.md, rule 4).

export interface UploadLimits {
  /** This many pieces may wait however slow the uplink is. */
  readonly minPieces: number;
  /** Beyond that, as many bytes as the uplink sends in this time. */
  readonly windowMs: number;
  /** How long an asker is told to stay away, at the least. */
  readonly retryMs: number;
  /** Refused requests a second that this process can afford; above it askers are told to stay away longer. */
  readonly refusalsPerSecond: number;
}

export const hostUploadLimits: UploadLimits = { minPieces: 3, windowMs: 40, retryMs: 20, refusalsPerSecond: 2000 };
export const seedUploadLimits: UploadLimits = { minPieces: 16, windowMs: 40, retryMs: 20, refusalsPerSecond: 4000 };

/** `busy` carries when to ask again. */
export type Admission = { readonly admitted: true } | { readonly admitted: false; readonly retryAfterMs: number };

const ADMITTED: Admission = { admitted: true };

/** Counts what is promised; who sends it, and in which order, is the caller's queue. */
export class UploadQueue {
  readonly #limits: UploadLimits;
  #pieces = 0;
  #bytes = 0;
  #rate = 0;
  #busySince = 0;
  #sentWhileBusy = 0;
  #refusals = 0;
  #refusalsSince = 0;

  constructor(limits: UploadLimits) {
    this.#limits = limits;
  }

  get pieces(): number {
    return this.#pieces;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Measured over the times at which there was something to send; 0 before the first piece. */
  get rateBytesPerSecond(): number {
    return this.#rate;
  }

  /** Admits one piece, or says when to ask again. An admitted piece is in the queue until `sent` or `cancelled`. */
  admit(bytes: number, nowMs: number): Admission {
    const { minPieces, windowMs } = this.#limits;
    if (this.#pieces >= minPieces && this.#bytes + bytes > (this.#rate * windowMs) / 1000) return this.#refuse(nowMs);
    if (this.#pieces === 0) {
      this.#busySince = nowMs;
      this.#sentWhileBusy = 0;
    }
    this.#pieces++;
    this.#bytes += bytes;
    return ADMITTED;
  }

  sent(bytes: number, nowMs: number): void {
    this.#remove(bytes);
    this.#sentWhileBusy += bytes;
    const elapsed = nowMs - this.#busySince;
    if (elapsed < 100 && this.#rate !== 0) return;
    const measured = (this.#sentWhileBusy / Math.max(1, elapsed)) * 1000;
    this.#rate = this.#rate === 0 ? measured : this.#rate * 0.7 + measured * 0.3;
    this.#busySince = nowMs;
    this.#sentWhileBusy = 0;
  }

  cancelled(bytes: number): void {
    this.#remove(bytes);
  }

  #remove(bytes: number): void {
    this.#pieces--;
    this.#bytes -= bytes;
  }

  #refuse(nowMs: number): Admission {
    if (nowMs - this.#refusalsSince >= 1000) {
      this.#refusals = nowMs - this.#refusalsSince < 2000 ? this.#refusals / 4 : 0;
      this.#refusalsSince = nowMs;
    }
    this.#refusals++;
    const crowd = this.#refusals / this.#limits.refusalsPerSecond;
    return { admitted: false, retryAfterMs: Math.ceil(this.#limits.retryMs * Math.max(1, crowd * 4)) };
  }
}
