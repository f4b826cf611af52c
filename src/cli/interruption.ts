// What ends a command early: INT, TERM, or the time that the caller gave. The first signal lets the command clean up, a second
// leaves at once.

import { DragonflyError } from "../core/error.ts";
import { formatDuration } from "../runtime/units.ts";
import type { Io } from "./io.ts";

const names = ["SIGINT", "SIGTERM"] as const;

export class Interruption {
  readonly #controller = new AbortController();
  readonly #io: Io;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Called before leaving at a second signal. Must not wait. */
  lastWord: () => void = () => {};

  /** `timeoutMs` 0 is no limit. */
  constructor(io: Io, timeoutMs: number) {
    this.#io = io;
    for (const name of names) io.signals.on(name, this.#onSignal);
    if (timeoutMs > 0)
      this.#timer = setTimeout(() => this.#abort("timed-out", timeoutMs), Math.min(timeoutMs, 2 ** 31 - 1));
  }

  /** Aborts with a `DragonflyError`: `interrupted` or `timed-out`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const name of names) this.#io.signals.off(name, this.#onSignal);
  }

  #abort(code: "interrupted" | "timed-out", timeoutMs: number): void {
    const message = code === "interrupted" ? "interrupted" : `not complete after ${formatDuration(timeoutMs)}`;
    this.#controller.abort(new DragonflyError(code, message));
  }

  readonly #onSignal = (): void => {
    if (!this.signal.aborted) return this.#abort("interrupted", 0);
    this.lastWord();
    this.#io.leave(8);
  };
}
