// Drives a Download: tells it one event after another, has its wishes carried out, and wakes it when it wants.

import type { Download } from "../core/download.ts";
import type { DownloadEffect, DownloadEvent } from "../core/download-event.ts";

const NEVER = Number.POSITIVE_INFINITY;

export class DownloadLoop {
  readonly #machine: Download;
  readonly #perform: (effect: DownloadEffect) => void;
  readonly #queue: DownloadEvent[] = [];
  #stepping = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = NEVER;

  constructor(machine: Download, perform: (effect: DownloadEffect) => void) {
    this.#machine = machine;
    this.#perform = perform;
  }

  /** What is told while an effect is carried out waits for its turn. */
  tell(event: DownloadEvent): void {
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (this.#stopped) continue;
        for (const effect of this.#machine.step(next, performance.now())) this.#perform(effect);
      }
    } finally {
      this.#stepping = false;
    }
    this.#arm();
  }

  /** Nothing is told or carried out from here on. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** A wake that comes too early does no harm, so a timer is only ever moved forward. */
  #arm(): void {
    const at = this.#stopped ? NEVER : this.#machine.nextWake();
    if (at >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = at;
    const wake = (): void => {
      this.#timerAtMs = NEVER;
      this.tell({ type: "wake" });
    };
    this.#timer = setTimeout(wake, Math.max(1, Math.ceil(at - performance.now())));
  }
}
