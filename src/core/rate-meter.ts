// The rate at which bytes come, measured over a quarter of a second and smoothed. Pure: the clock is an argument.

const overMs = 250;

export class RateMeter {
  #bytesPerSecond = 0;
  #bytes = 0;
  #sinceMs: number | undefined;

  /** Measuring begins at `sinceMs`, or with the first bytes. */
  constructor(sinceMs?: number) {
    this.#sinceMs = sinceMs;
  }

  /** 0 before the first measurement. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  add(bytes: number, nowMs: number): void {
    this.#sinceMs ??= nowMs;
    this.#bytes += bytes;
    const elapsed = nowMs - this.#sinceMs;
    if (elapsed < overMs) return;
    const measured = (this.#bytes / elapsed) * 1000;
    this.#bytesPerSecond = this.#bytesPerSecond === 0 ? measured : (this.#bytesPerSecond + measured) / 2;
    this.#bytes = 0;
    this.#sinceMs = nowMs;
  }
}
