// One reader of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). What a slow one has not taken is not queued: it
// is told that it is behind, and begins anew when it has caught up.

import type { ServerResponse } from "node:http";

/** Written and not taken off our hands: above this it is behind. */
const maxWaitingBytes = 256 << 10;
/** Behind for so long it is given up: its machine may be gone. */
const patienceMs = 30_000;

export class EventStream {
  readonly #response: ServerResponse;
  #closed = false;
  #behindSinceMs: number | undefined;

  constructor(response: ServerResponse, onClosed: () => void) {
    this.#response = response;
    response.once("close", () => {
      this.#closed = true;
      onClosed();
    });
    response.on("error", () => {});
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies that gather small writes would undo what this is for.
      "x-accel-buffering": "no",
    });
    response.write("retry: 1000\n\n");
  }

  get behind(): boolean {
    return this.#response.writableLength > maxWaitingBytes;
  }

  /** To be asked now and then: whether it has been behind for too long. */
  isStuck(nowMs: number): boolean {
    this.#behindSinceMs = this.behind ? (this.#behindSinceMs ?? nowMs) : undefined;
    return this.#behindSinceMs !== undefined && nowMs - this.#behindSinceMs > patienceMs;
  }

  /** `text` is whole events. */
  send(text: string): void {
    if (!this.#closed) this.#response.write(text);
  }

  close(): void {
    this.#response.destroy();
  }
}
