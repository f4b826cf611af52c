// When somebody is left alone for a while: after so many faults within a time, twice as long each further time, and then on probation, where
// one more fault is enough. Of hosts, of origins, of supernodes alike.

export interface IsolationTuning {
  /** Faults within `windowMs` that isolate, and for how long the first time. */
  readonly afterFaults: number;
  readonly windowMs: number;
  readonly firstMs: number;
  readonly maxMs: number;
  /** So long after an isolation one more fault isolates again; without any all is forgotten then. */
  readonly probationMs: number;
}

export type IsolationState = "free" | "isolated" | "probation";

export class Isolation {
  readonly #tuning: IsolationTuning;
  #state: IsolationState = "free";
  #untilMs = Number.POSITIVE_INFINITY;
  #faults: number[] = [];
  #times = 0;

  constructor(tuning: IsolationTuning) {
    this.#tuning = tuning;
  }

  /** As of the last `advance`. */
  get state(): IsolationState {
    return this.#state;
  }

  /** When the state ends by itself; Infinity where it does not. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** Isolations so far that are not forgotten. */
  get times(): number {
    return this.#times;
  }

  /** Moves on to the state that time has brought. */
  advance(nowMs: number): IsolationState {
    while (nowMs >= this.#untilMs) {
      if (this.#state === "isolated") this.#enter("probation", this.#untilMs + this.#tuning.probationMs);
      else this.clear();
    }
    return this.#state;
  }

  /** Returns whether this fault isolates; `proven` false is one that alone must not. */
  fault(nowMs: number, proven = true): boolean {
    this.advance(nowMs);
    if (this.#state === "isolated") return false;
    const { afterFaults, windowMs } = this.#tuning;
    this.#faults = [...this.#faults.filter((atMs) => nowMs - atMs <= windowMs), nowMs].slice(-afterFaults);
    const enough = this.#state === "probation" || this.#faults.length >= afterFaults;
    if (!enough || !proven) return false;
    this.isolate(nowMs);
    return true;
  }

  isolate(nowMs: number): void {
    const { firstMs, maxMs } = this.#tuning;
    this.#faults = [];
    this.#enter("isolated", nowMs + Math.min(maxMs, firstMs * 2 ** this.#times));
    this.#times++;
  }

  /** Faults so far are forgiven; what came before an isolation that is remembered still counts. */
  succeed(): void {
    if (this.#state === "probation") this.clear();
    else if (this.#state === "free") this.#faults = [];
  }

  clear(): void {
    this.#enter("free", Number.POSITIVE_INFINITY);
    this.#faults = [];
    this.#times = 0;
  }

  #enter(state: IsolationState, untilMs: number): void {
    this.#state = state;
    this.#untilMs = untilMs;
  }
}
