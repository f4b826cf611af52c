// Which registries did not answer a moment ago: asking each blob of an image again takes seconds of retries that are not needed for what is
// held here.

const rememberMs = 10_000;
const maxRemembered = 256;

export class Absences {
  readonly #untilMs = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(upstream: string): void {
    this.#untilMs.delete(upstream);
    this.#untilMs.set(upstream, this.#now() + rememberMs);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= maxRemembered) return;
      this.#untilMs.delete(oldest);
    }
  }

  has(upstream: string): boolean {
    return (this.#untilMs.get(upstream) ?? 0) > this.#now();
  }
}
