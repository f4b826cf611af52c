// When to ask an origin again: exponential backoff with jitter, a server's own Retry-After within bounds, and an end to it.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { Opened, Origin, OriginRequest, Validators } from "./origin.ts";
import { interruption, isTransient } from "./origin-error.ts";

export interface RetryPolicy {
  /** Attempts that may fail in a row, the first included. */
  readonly tries: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A server that wants us to come back later than this is asked again at this time. */
  readonly maxRetryAfterMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const defaultRetry: RetryPolicy = {
  tries: 5,
  firstDelayMs: 250,
  maxDelayMs: 8_000,
  maxRetryAfterMs: 30_000,
  random: Math.random,
};

/** What was begun waits so long, in milliseconds, for an origin that is away. */
export const outageMs = 30_000;

/**
 * Who opens a content has nothing yet and can come again himself: he is told soon. In milliseconds from the first attempt, for an origin that
 * gives no answer, and for one that answers with an error.
 */
const openWithinMs = { unanswered: 1_000, answered: 10_000 };

/** Milliseconds to wait after this many failures in a row (one or more). */
export function retryDelayMs(policy: RetryPolicy, failures: number, retryAfterMs: number | undefined): number {
  const whole = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (failures - 1));
  const jittered = whole * (0.5 + policy.random() / 2);
  return Math.max(jittered, Math.min(policy.maxRetryAfterMs, retryAfterMs ?? 0));
}

/** Rejects with the signal's own reason, or `interrupted`. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch {
    throw interruption(signal);
  }
}

export interface OpenPlan {
  readonly known?: Validators | undefined;
  readonly signal: AbortSignal;
  readonly retry?: RetryPolicy;
  /** Told of each failure that is going to be tried again. */
  readonly onRetry?: (error: DragonflyError, delayMs: number) => void;
}

/**
 * `Origin.open`, tried again while the failure may pass (5xx, 429, no connection) and for seconds at most; any other failure, and a Retry-After
 * that is further away, is final at once.
 */
export async function openWithRetry(origin: Origin, request: OriginRequest, plan: OpenPlan): Promise<Opened> {
  const policy = plan.retry ?? defaultRetry;
  const startedMs = performance.now();
  for (let failures = 1; ; failures++) {
    try {
      return await origin.open(request, plan.known, plan.signal);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (plan.signal.aborted || failures >= policy.tries || !isTransient(error)) throw error;
      const delayMs = retryDelayMs(policy, failures, error.retryAfterMs);
      const withinMs = openWithinMs[error.code === "origin-unreachable" ? "unanswered" : "answered"];
      if (performance.now() - startedMs + delayMs > withinMs) throw error;
      plan.onRetry?.(error, delayMs);
      await pause(delayMs, plan.signal);
    }
  }
}
