// Which origins fail again and again: those are left alone for a while, so that a thousand tasks do not each wait for one that is down, nor
// keep it there. What it refuses to one asker alone (401, 404) is no fault of its.

import { DragonflyError } from "../core/error.ts";
import { Isolation, type IsolationState } from "../core/isolation.ts";

export interface OriginStanding {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly standing: IsolationState;
  /** When that ends by itself, in the caller's milliseconds. */
  readonly untilMs: number;
  /** Its last failure. */
  readonly error: string;
}

interface Known {
  readonly isolation: Isolation;
  error: DragonflyError;
}

const tuning = { afterFaults: 5, windowMs: 30_000, firstMs: 2_000, maxMs: 30_000, probationMs: 30_000 };
const maxOrigins = 1024;

export class OriginHealth {
  readonly #known = new Map<string, Known>();

  /** Throws its last failure, with a time to come again, while it is left alone. */
  check(url: string, nowMs: number): void {
    const origin = originOf(url);
    const known = this.#known.get(origin);
    if (known?.isolation.advance(nowMs) !== "isolated") return;
    const { code, message, originStatus } = known.error;
    const retryAfterMs = Math.ceil(known.isolation.untilMs - nowMs);
    const text = `${origin} failed again and again and is left alone for ${Math.ceil(retryAfterMs / 1000)} s: ${message}`;
    const status = originStatus === undefined ? {} : { originStatus };
    throw new DragonflyError(code, text, { blame: "origin", retryAfterMs, ...status });
  }

  /** Returns what it is left alone for, when this failure was the last that was needed. */
  failed(url: string, error: DragonflyError, nowMs: number): { origin: string; forMs: number } | undefined {
    if (!isItsFault(error)) return undefined;
    const origin = originOf(url);
    const known = this.#known.get(origin) ?? { isolation: new Isolation(tuning), error };
    known.error = error;
    // The last to fail is the last to be forgotten.
    this.#known.delete(origin);
    this.#known.set(origin, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxOrigins && oldest !== undefined) this.#known.delete(oldest);
    return known.isolation.fault(nowMs) ? { origin, forMs: known.isolation.untilMs - nowMs } : undefined;
  }

  served(url: string): void {
    this.#known.delete(originOf(url));
  }

  list(nowMs: number): readonly OriginStanding[] {
    return Array.from(this.#known, ([origin, { isolation, error }]) => {
      const standing = isolation.advance(nowMs);
      return { origin, standing, untilMs: isolation.untilMs, error: error.message };
    });
  }
}

function originOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function isItsFault({ code, originStatus }: DragonflyError): boolean {
  if (code === "origin-refused") return originStatus === 429 || (originStatus ?? 0) >= 500;
  return code === "origin-unreachable" || code === "origin-truncated";
}
