// One thing that readers of the events follow: its state is computed once for all of them, and they hear what changed.

import { type JsonObject, mergePatch } from "../core/merge-patch.ts";
import { eventText } from "../wire/event-text.ts";
import type { LiveTopicName } from "../wire/live.ts";

export interface LiveReader {
  /** It has not taken what was sent before. */
  readonly behind: boolean;
  send(text: string): void;
}

export interface LiveSource {
  read(nowMs: number): JsonObject;
  /** Nobody follows it any more. */
  close(): void;
}

export class LiveTopic {
  readonly #name: LiveTopicName;
  readonly #source: LiveSource;
  readonly #readers = new Set<LiveReader>();
  /** Those who have not been told all: newcomers, and who was too slow. */
  readonly #behind = new Set<LiveReader>();
  #state: JsonObject = {};

  constructor(name: LiveTopicName, source: LiveSource) {
    this.#name = name;
    this.#source = source;
  }

  get readers(): number {
    return this.#readers.size;
  }

  join(reader: LiveReader, nowMs: number): void {
    if (this.#readers.size === 0) this.#state = this.#source.read(nowMs);
    this.#readers.add(reader);
    this.#behind.add(reader);
    this.#catchUp(reader);
  }

  leave(reader: LiveReader): void {
    this.#behind.delete(reader);
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#source.close();
  }

  tick(nowMs: number): void {
    const state = this.#source.read(nowMs);
    const patch = mergePatch(this.#state, state);
    this.#state = state;
    const text = patch === undefined ? "" : this.#event("patch", { patch });
    for (const reader of this.#readers) {
      if (this.#behind.has(reader)) this.#catchUp(reader);
      else if (reader.behind) this.#behind.add(reader);
      else if (text !== "") reader.send(text);
    }
  }

  #catchUp(reader: LiveReader): void {
    if (reader.behind) return;
    this.#behind.delete(reader);
    reader.send(this.#event("snapshot", { state: this.#state }));
  }

  #event(name: "snapshot" | "patch", content: object): string {
    return eventText(name, JSON.stringify({ topic: this.#name, ...content }));
  }
}
