// A reader of /api/v1/events for tests: keeps each topic's state as a console would, and waits for what a test wants to see.

import { applyPatch } from "../core/merge-patch.ts";
import { EventDecoder } from "../wire/event-text.ts";
import type { LiveCluster, LiveHosts, LiveTask } from "../wire/live.ts";

interface Topics {
  cluster?: LiveCluster;
  hosts?: LiveHosts;
  task?: LiveTask;
}

export class EventReader {
  readonly topics: Topics = {};
  /** Events so far. */
  count = 0;
  snapshots = 0;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();

  static async open(url: string, query = ""): Promise<EventReader> {
    const reader = new EventReader();
    const response = await fetch(`${url}/api/v1/events${query}`, { signal: reader.#stop.signal });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    void reader.#read(response.body).catch(() => {});
    return reader;
  }

  /** Resolves when `look` finds what it looks for. */
  async sees<T>(look: (topics: Topics) => T | undefined | false): Promise<T> {
    for (;;) {
      const found = look(this.topics);
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  close(): void {
    this.#stop.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new EventDecoder();
    const text = new TextDecoder();
    for await (const chunk of body) {
      for (const { event, data } of decoder.push(text.decode(chunk, { stream: true }))) {
        const { topic, state, patch } = JSON.parse(data);
        if (event === "snapshot") this.snapshots++;
        this.topics[topic as keyof Topics] = (
          event === "snapshot" ? state : applyPatch(this.topics[topic as keyof Topics], patch)
        ) as never;
        this.count++;
      }
      for (const wake of [...this.#waiting]) wake();
      this.#waiting.clear();
    }
  }
}
