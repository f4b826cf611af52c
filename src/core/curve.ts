// How a sum grew over time, in a bounded number of points: when they are used up every second one is dropped, and from then on they stand twice as far
// apart. So it costs little, however long it takes.

const maxPoints = 128;
const firstStepMs = 250;

export class Curve {
  /** Pairs of milliseconds and sum, in order of time. */
  #points: [atMs: number, sum: number][] = [];
  #stepMs = firstStepMs;
  #sum = 0;

  get sum(): number {
    return this.#sum;
  }

  /** When something was added last. */
  get endMs(): number {
    return this.#points.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
  }

  get points(): readonly (readonly [atMs: number, sum: number])[] {
    return this.#points;
  }

  add(amount: number, nowMs: number): void {
    const last = this.#points.at(-1);
    this.#sum += amount;
    if (last === undefined) {
      this.#points.push([nowMs, 0], [nowMs, this.#sum]);
      return;
    }
    const before = this.#points.at(-2);
    // The last point moves along until it is far enough from the one before it.
    if (before !== undefined && last[0] - before[0] < this.#stepMs) {
      last[0] = nowMs;
      last[1] = this.#sum;
    } else this.#points.push([nowMs, this.#sum]);
    if (this.#points.length > maxPoints) this.#thin();
  }

  #thin(): void {
    const end = this.#points.length - 1;
    this.#points = this.#points.filter((_, at) => at % 2 === 0 || at === end);
    this.#stepMs *= 2;
  }
}
