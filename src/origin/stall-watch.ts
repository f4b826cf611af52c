// Notices that a connection has fallen silent. Time in which nobody is reading from it does not count.

export class StallWatch {
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout;
  #reading = true;

  /** Calls `onStall` after so long a silence, again and again until it is stopped. */
  constructor(silenceMs: number, onStall: () => void) {
    this.#onStall = onStall;
    this.#timer = setTimeout(() => this.#fire(), silenceMs);
  }

  pause(): void {
    this.#reading = false;
  }

  resume(): void {
    this.#reading = true;
    this.#timer.refresh();
  }

  /** From now on the silence may last only so long. */
  shorten(silenceMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fire(), silenceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #fire(): void {
    if (this.#reading) this.#onStall();
    else this.#timer.refresh();
  }
}
