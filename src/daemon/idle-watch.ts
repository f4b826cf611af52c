// Tells when a process has had nothing to do for a while: for daemons that dfget started and nobody stops.

export class IdleWatch {
  /** Resolves once; never when `idleMs` is 0. */
  readonly idle: Promise<void>;
  readonly #idleMs: number;
  #resolve: () => void = () => {};
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
    this.idle = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.touch();
  }

  /** Something was done just now. */
  touch(): void {
    if (this.#idleMs === 0 || this.#busy > 0) return;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#resolve(), this.#idleMs).unref();
    else this.#timer.refresh();
  }

  /** Something is being done until the result is called. */
  busy(): () => void {
    this.#busy++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let running = true;
    return () => {
      if (!running) return;
      running = false;
      this.#busy--;
      this.touch();
    };
  }

  /** It is to leave now, idle or not. */
  end(): void {
    this.#resolve();
  }

  close(): void {
    this.#busy++;
    clearTimeout(this.#timer);
  }
}
