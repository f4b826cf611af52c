// How fast a running total grew of late: the mean over the last seconds. For totals that are told now and then, where a rate between two tellings would
// jump.

const windowMs = 2500;

export class SlidingRate {
  readonly #totals: number[] = [];
  readonly #timesMs: number[] = [];

  /** The total by now; one that is less than before begins anew. */
  note(total: number, nowMs: number): void {
    if (total < (this.#totals.at(-1) ?? 0)) this.#totals.length = this.#timesMs.length = 0;
    this.#totals.push(total);
    this.#timesMs.push(nowMs);
    while (this.#timesMs.length > 2 && (this.#timesMs[1] as number) <= nowMs - windowMs) {
      this.#totals.shift();
      this.#timesMs.shift();
    }
  }

  /** Whole bytes a second; 0 until there are two tellings. */
  get perSecond(): number {
    const tookMs = (this.#timesMs.at(-1) ?? 0) - (this.#timesMs[0] ?? 0);
    if (tookMs <= 0) return 0;
    return Math.round((((this.#totals.at(-1) ?? 0) - (this.#totals[0] ?? 0)) / tookMs) * 1000);
  }
}
