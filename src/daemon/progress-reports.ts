// What a download tells its home of how far it is: every second, oftener and in more detail while somebody looks on.

import type { FromDaemonOf } from "../wire/control.ts";
import { progressDetail } from "./progress-detail.ts";
import type { Transfer } from "./transfer.ts";

const everyMs = 1000;
/** However often a watcher wants it. */
const minEveryMs = 200;

export class ProgressReports {
  readonly #transfer: Transfer;
  readonly #send: (report: FromDaemonOf<"progress">) => void;
  #timer: NodeJS.Timeout | undefined;
  #watched = false;

  constructor(transfer: Transfer, send: (report: FromDaemonOf<"progress">) => void) {
    this.#transfer = transfer;
    this.#send = send;
  }

  start(): void {
    this.#every(everyMs);
  }

  /** Somebody looks on and wants news so often; with 0, nobody does any more. */
  watch(wantedMs: number): void {
    this.#watched = wantedMs > 0;
    this.#every(this.#watched ? Math.max(minEveryMs, wantedMs) : everyMs);
    if (this.#watched) this.report(false);
  }

  report(complete: boolean): void {
    const { holding, from, watch } = this.#transfer;
    const { version, held } = holding;
    const detail = this.#watched ? progressDetail(this.#transfer) : undefined;
    const facts = watch?.facts;
    this.#send({ type: "progress", version: version.id, heldPieces: held.count, from, complete, detail, facts });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #every(intervalMs: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.report(false), intervalMs).unref();
  }
}
