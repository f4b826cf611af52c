// A rate limit over bytes. Pure: the clock is an argument. A taker may go into debt, so a limit need not know the size of what
// passes; whoever finds the bucket in debt waits until it is even.

/** What a taker needs of a limit. */
export interface RateLimit {
  waitMs(nowMs: number): number;
  take(bytes: number, nowMs: number): void;
}

/** Who was told to wait and comes late, on a machine that is busy with other things, loses nothing up to so late. */
const lateMs = 250;

export class TokenBucket implements RateLimit {
  #rate: number;
  #burst: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;
  /** Somebody was told to wait and has not passed since. */
  #awaited = false;

  /** `rateBytesPerSecond` 0 is unlimited. The burst after idleness is 10 ms of the rate, within 64 KiB and 1 MiB. */
  constructor(rateBytesPerSecond: number) {
    this.#rate = rateBytesPerSecond;
    this.#burst = burstOf(rateBytesPerSecond);
    this.#tokens = this.#burst;
  }

  get rateBytesPerSecond(): number {
    return this.#rate;
  }

  setRate(rateBytesPerSecond: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#rate = rateBytesPerSecond;
    this.#burst = burstOf(rateBytesPerSecond);
    this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  /** Milliseconds until bytes may pass; 0 is now. */
  waitMs(nowMs: number): number {
    if (this.#rate === 0) return 0;
    this.#refill(nowMs);
    this.#awaited = this.#tokens <= 0;
    return this.#awaited ? Math.max(1, Math.ceil(((1 - this.#tokens) / this.#rate) * 1000)) : 0;
  }

  /** Takes bytes whether there are tokens or not: ask `waitMs` first. */
  take(bytes: number, nowMs: number): void {
    if (this.#rate === 0) return;
    this.#refill(nowMs);
    this.#tokens -= bytes;
  }

  /** Gives back what was taken and not used. */
  giveBack(bytes: number): void {
    if (this.#rate !== 0) this.#tokens = Math.max(this.#tokens, Math.min(this.#burst, this.#tokens + bytes));
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#at) return;
    if (this.#at !== Number.NEGATIVE_INFINITY) {
      const most = this.#awaited ? Math.max(this.#burst, (this.#rate * lateMs) / 1000) : this.#burst;
      const more = this.#tokens + ((nowMs - this.#at) / 1000) * this.#rate;
      this.#tokens = Math.max(this.#tokens, Math.min(most, more));
    }
    this.#at = nowMs;
  }
}

/** Both limits hold: a download's own within its host's. */
export function bothLimits(a: RateLimit, b: RateLimit): RateLimit {
  return {
    waitMs: (nowMs) => Math.max(a.waitMs(nowMs), b.waitMs(nowMs)),
    take: (bytes, nowMs) => {
      a.take(bytes, nowMs);
      b.take(bytes, nowMs);
    },
  };
}

function burstOf(rate: number): number {
  return Math.min(1 << 20, Math.max(64 << 10, rate / 100));
}
