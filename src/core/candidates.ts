// Neighbours that may be asked now, by their rows, from which one is drawn.

import { pickByRate } from "./piece-choice.ts";
import type { Random } from "./random.ts";

export class Candidates {
  #count = 0;
  #rows = new Int32Array(32);
  #rates = new Float64Array(32);

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  add(row: number, rate: number): void {
    if (this.#count === this.#rows.length) this.#grow(this.#count * 2);
    this.#rows[this.#count] = row;
    this.#rates[this.#count++] = rate;
  }

  row(at: number): number {
    return this.#rows[at] as number;
  }

  /** Those for whom it does not hold are none. */
  keep(holds: (row: number) => boolean): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      const row = this.#rows[at] as number;
      if (!holds(row)) continue;
      this.#rows[kept] = row;
      this.#rates[kept++] = this.#rates[at] as number;
    }
    this.#count = kept;
  }

  /** The place of one, drawn by its rate; -1 when there are none. */
  draw(random: Random): number {
    return pickByRate(this.#rates, this.#count, random);
  }

  remove(at: number): void {
    this.#rows.copyWithin(at, at + 1, this.#count);
    this.#rates.copyWithin(at, at + 1, this.#count);
    this.#count--;
  }

  #grow(length: number): void {
    const [rows, rates] = [this.#rows, this.#rates];
    this.#rows = new Int32Array(length);
    this.#rows.set(rows);
    this.#rates = new Float64Array(length);
    this.#rates.set(rates);
  }
}
