// Renews this host's certificate at half its life, again and again while no supernode answers, and as soon as one is back.

import { renewalDueMs } from "../core/certificate-times.ts";
import { DragonflyError } from "../core/error.ts";
import { clockSays } from "../net/clock-hint.ts";
import type { Log } from "../runtime/log.ts";

export interface RenewalOptions {
  /** Of the certificate in use. */
  readonly times: () => { readonly issuedAtMs: number; readonly expiresAtMs: number };
  /** Gets the next one and puts it in use. */
  readonly renew: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** The clock may jump, and the machine may have slept. */
const maxWaitMs = 600_000;
const retryMs = { least: 500, most: 60_000 };
/** Of a supernode that was away for long, all hosts may want one: not in the same moment. */
const whenBackMs = 3000;

export class Renewal {
  readonly #options: RenewalOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #renewing = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#arm(Math.max(this.#dueInMs(), retryMs.least));
  }

  /** A supernode is there that may not have been: what is overdue is tried soon. */
  supernodeBack(): void {
    if (this.#dueInMs() > 0 || this.#renewing || this.#abort.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#arm(Math.min(whenBackMs, this.#leftMs() / 2) * Math.random());
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #dueInMs(): number {
    return renewalDueMs(this.#options.times()) - Date.now();
  }

  #leftMs(): number {
    return this.#options.times().expiresAtMs - Date.now();
  }

  /** After a renewal. By a clock that is far ahead every certificate is past its half at once: that must not become a storm. */
  #nextInMs(): number {
    const dueInMs = this.#dueInMs();
    if (dueInMs > 0) return Math.max(retryMs.least, dueInMs);
    this.#options.log.warn("certificate past its half when it came", { why: clockSays() });
    return Math.max(retryMs.least, Math.min(retryMs.most, this.#leftMs() / 2));
  }

  #arm(waitMs: number): void {
    this.#timer = setTimeout(() => void this.#wake(), Math.min(Math.max(0, waitMs), maxWaitMs)).unref();
  }

  async #wake(): Promise<void> {
    const { renew, times, log } = this.#options;
    if (this.#dueInMs() > 0) return this.#arm(this.#dueInMs());
    this.#renewing = true;
    try {
      await renew(this.#abort.signal);
      log.info("certificate renewed", { until: new Date(times().expiresAtMs).toISOString() });
      this.#arm(this.#nextInMs());
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const leftMs = this.#leftMs();
      log.warn("certificate not renewed", { error: DragonflyError.from(error).message, leftMs });
      this.#arm(Math.min(retryMs.most, Math.max(retryMs.least, leftMs / 10)) * (0.5 + Math.random() / 2));
    } finally {
      this.#renewing = false;
    }
  }
}
