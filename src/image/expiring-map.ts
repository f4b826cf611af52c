// A map of bounded size whose entries end by themselves: the oldest goes first when there are too many.

export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, { readonly value: V; readonly untilMs: number }>();
  readonly #maxSize: number;
  readonly #now: () => number;

  constructor(maxSize: number, now: () => number = () => performance.now()) {
    this.#maxSize = maxSize;
    this.#now = now;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.untilMs > this.#now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: K, value: V, forMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#now() + forMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxSize) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
