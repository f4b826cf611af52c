// A rate limit in real time: a token bucket with a clock and a line of waiters, first come, first served. It acts on socket chunks of
// at most a few hundred KiB, never on whole pieces, so that short queues stay short (docs/swarm.md, rule 12).

import { DragonflyError } from "../core/error.ts";
import { type RateLimit, TokenBucket } from "../core/token-bucket.ts";

/** A timer that is to last longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;
const maxWaiters = 65_536;

interface Waiter {
  readonly admit: () => void;
}

export class RateGate {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;
  /** The first of the line has just been woken, and what asks now is that one. */
  #admitting = false;

  /** A rate in bytes a second, 0 being unlimited, or a limit shared with others. `now` is in milliseconds and never goes back. */
  constructor(limit: RateLimit | number, now: () => number = () => performance.now()) {
    this.#limit = typeof limit === "number" ? new TokenBucket(limit) : limit;
    this.#now = now;
  }

  /** Those in the line. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Of a gate with a limit of its own. */
  setRate(rateBytesPerSecond: number): void {
    if (this.#limit instanceof TokenBucket) this.#limit.setRate(rateBytesPerSecond, this.#now());
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#serve();
  }

  /** Whether bytes may pass now; if so they are counted. If not, `wait` and ask again. */
  pass(bytes: number): boolean {
    if (this.#waiters.size > 0 && !this.#admitting) return false;
    const now = this.#now();
    if (this.#limit.waitMs(now) > 0) return false;
    this.#limit.take(bytes, now);
    return true;
  }

  /** Resolves when it is the caller's turn to ask `pass` again. Rejects with `interrupted` when the signal fires. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(interrupted());
      if (this.#waiters.size >= maxWaiters) {
        return reject(new DragonflyError("overloaded", "too many wait for the rate limit"));
      }
      const leave = (): void => {
        this.#waiters.delete(waiter);
        if (this.#waiters.size === 0) this.#rest();
        reject(interrupted());
      };
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#timer !== undefined || this.#admitting) return;
    const [first] = this.#waiters;
    if (first === undefined) return;
    const waitMs = this.#limit.waitMs(this.#now());
    if (waitMs > 0) {
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined;
          this.#serve();
        },
        Math.min(waitMs, longestTimerMs),
      );
      return;
    }
    this.#waiters.delete(first);
    this.#admitting = true;
    first.admit();
    // The woken one asks in a microtask of this turn; the next in line gets the next turn.
    setImmediate(() => {
      this.#admitting = false;
      this.#serve();
    });
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function interrupted(): DragonflyError {
  return new DragonflyError("interrupted", "the wait for the rate limit was given up");
}
