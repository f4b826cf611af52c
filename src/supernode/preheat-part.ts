// One content on one machine: what is tried until it is there, how often, and how far it is.

import { DragonflyError, type WireError } from "../core/error.ts";
import { moved, type PreheatState } from "../core/preheat-state.ts";
import { isTransient } from "../origin/origin-error.ts";
import { pause, type RetryPolicy, retryDelayMs } from "../origin/retry.ts";

export interface PartRun {
  readonly signal: AbortSignal;
  readonly retry: RetryPolicy;
  /** Whether an error that would be final may be tried again all the same. */
  readonly mayMend?: (error: DragonflyError) => boolean;
}

export const preheatRetry: RetryPolicy = {
  tries: 4,
  firstDelayMs: 1000,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 60_000,
  random: Math.random,
};

/** Beside what origins pass through: the state of other machines. */
const passing = new Set([
  ...["overloaded", "peer-unreachable", "supernode-unreachable", "no-source", "timed-out"],
  ...["digest-mismatch", "origin-changed", "piece-corrupt"],
]);

export class PreheatPart {
  bytes = 0;
  #state: PreheatState = "waiting";
  #attempts = 0;
  #error: WireError | undefined;

  get state(): PreheatState {
    return this.#state;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Of the last attempt, if that failed. */
  get error(): WireError | undefined {
    return this.#error;
  }

  /** Resolves when it is over, however it ended. */
  async run(work: () => Promise<void>, { signal, retry, mayMend }: PartRun): Promise<void> {
    while (this.#state === "waiting") {
      if (signal.aborted) return this.end("cancelled");
      this.#state = moved(this.#state, "running");
      this.#attempts++;
      try {
        await work();
        this.end("done");
      } catch (thrown) {
        if (signal.aborted) return this.end("cancelled");
        const error = DragonflyError.from(thrown);
        const again = this.#attempts < retry.tries && (mayPass(error) || mayMend?.(error) === true);
        if (!again) return this.end("failed", error.toJSON());
        this.#error = error.toJSON();
        this.#state = moved(this.#state, "waiting");
        await pause(retryDelayMs(retry, this.#attempts, error.retryAfterMs), signal).catch(() => {});
      }
    }
  }

  /** No-op for one that is over. */
  end(state: "done" | "failed" | "cancelled", error?: WireError): void {
    const next = moved(this.#state, state);
    if (next === this.#state) return;
    this.#state = next;
    this.#error = error;
  }
}

function mayPass(error: DragonflyError): boolean {
  return passing.has(error.code) || isTransient(error);
}
