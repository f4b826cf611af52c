// Which URLs the origin did not want to have shared a moment ago: asking the swarm for them again would only make it read them.

const rememberMs = 600_000;
const maxRemembered = 4096;

export class Unshared {
  readonly #untilMs = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(url: string): void {
    this.#untilMs.delete(url);
    this.#untilMs.set(url, this.#now() + rememberMs);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= maxRemembered) return;
      this.#untilMs.delete(oldest);
    }
  }

  has(url: string): boolean {
    return (this.#untilMs.get(url) ?? 0) > this.#now();
  }
}
