// The rates of many running totals that are looked at now and then. What is not looked at any more is forgotten.

import { SlidingRate } from "../core/sliding-rate.ts";

export class RateBook<Key> {
  #rates = new Map<Key, SlidingRate>();
  #seen = new Map<Key, SlidingRate>();

  /** Notes the total by now and returns the rate of late, in units a second. */
  note(key: Key, total: number, nowMs: number): number {
    const rate = this.#rates.get(key) ?? new SlidingRate();
    this.#seen.set(key, rate);
    rate.note(total, nowMs);
    return rate.perSecond;
  }

  /** All have been looked at once. */
  turn(): void {
    this.#rates = this.#seen;
    this.#seen = new Map();
  }

  clear(): void {
    this.#rates.clear();
    this.#seen.clear();
  }
}
