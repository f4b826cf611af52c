// Work on the same thing happens one after the other, work on different things at once.

export class Lanes<Key> {
  /** The last that was begun or waits, by what it is done to; none of them rejects. */
  readonly #tails = new Map<Key, Promise<void>>();

  /** At once where nothing is done to it. */
  run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const done = before === undefined ? work() : before.then(work);
    const tail: Promise<void> = done
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return done;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
