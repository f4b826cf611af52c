// Follows the supernode's events and keeps what they tell. When they end it says so, keeps showing what it knew, and tries again; a supernode that began
// anew is told apart from one that was merely away.

import { applyPatch } from "../core/merge-patch.ts";
import { EventDecoder } from "../wire/event-text.ts";
import type { LiveCluster, LiveEvent, LiveHosts, LiveTask, LiveVolume } from "../wire/live.ts";
import { access, open, Refusal } from "./api.ts";

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly sinceMs: number; readonly why: string };

export interface LiveView {
  readonly connection: Connection;
  readonly cluster?: LiveCluster;
  readonly hosts?: LiveHosts;
  readonly task?: LiveTask;
  /** Rates of the last two minutes, oldest first. */
  readonly history: readonly (LiveVolume & { readonly atMs: number })[];
  /** When it was seen to have begun anew while this page was open. */
  readonly restartedAtMs?: number;
}

/** Events come every 0.4 s: a longer silence is a loss that nobody noticed. */
const silenceMs = 5000;
const firstRetryMs = 500;
const maxRetryMs = 4000;
const historyMs = 120_000;
/** A window that nobody looks at costs the supernode nothing after a while. */
const hiddenMs = 30_000;

export class LiveClient {
  #view: LiveView = { connection: { state: "connecting" }, history: [] };
  #query = "";
  #attempt = new AbortController();
  #failures = 0;
  #retry = 0;
  #hidden = 0;
  readonly #listeners = new Set<() => void>();

  constructor() {
    document.addEventListener("visibilitychange", () => this.#visibility());
    access.listen(() => {
      if (!access.wanted) this.#reopen();
    });
  }

  get view(): LiveView {
    return this.#view;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the cluster, and what the query names besides. */
  follow(query: string): void {
    if (query === this.#query && this.#view.connection.state !== "connecting") return;
    this.#query = query;
    const { hosts: _hosts, task: _task, ...rest } = this.#view;
    this.#set(rest);
    this.#reopen();
  }

  dismissRestart(): void {
    const { restartedAtMs: _, ...rest } = this.#view;
    this.#set(rest);
  }

  #visibility(): void {
    window.clearTimeout(this.#hidden);
    if (document.hidden) this.#hidden = window.setTimeout(() => this.#attempt.abort("hidden"), hiddenMs);
    else if (this.#attempt.signal.aborted) this.#reopen();
  }

  #reopen(): void {
    window.clearTimeout(this.#retry);
    this.#attempt.abort("anew");
    this.#attempt = new AbortController();
    void this.#run(this.#attempt);
  }

  async #run(attempt: AbortController): Promise<void> {
    const { signal } = attempt;
    let silence = 0;
    const heard = (): void => {
      window.clearTimeout(silence);
      silence = window.setTimeout(() => attempt.abort("silence"), silenceMs);
    };
    let why = "it ended the connection";
    heard();
    try {
      const { body } = await open(`api/v1/events${this.#query}`, { signal });
      const decoder = new EventDecoder();
      const text = new TextDecoder();
      const reader = body?.getReader();
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) break;
        heard();
        this.#receive(
          decoder.push(text.decode(value, { stream: true })).map(({ data }) => JSON.parse(data) as LiveEvent),
        );
      }
    } catch (error) {
      why = error instanceof Refusal ? error.message : "it does not answer";
    } finally {
      window.clearTimeout(silence);
    }
    // Somebody else took over, or nobody looks.
    if (this.#attempt !== attempt || signal.reason === "hidden") return;
    this.#lost(why);
  }

  #lost(why: string): void {
    const { connection } = this.#view;
    const sinceMs = connection.state === "lost" ? connection.sinceMs : Date.now();
    this.#set({ ...this.#view, connection: { state: "lost", sinceMs, why } });
    // Without a token it would be refused again; with one it begins by itself.
    if (access.wanted) return;
    const pauseMs = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures++);
    this.#retry = window.setTimeout(() => this.#reopen(), pauseMs);
  }

  #receive(events: readonly LiveEvent[]): void {
    if (events.length === 0) return;
    const before = this.#view.cluster;
    let view: LiveView = { ...this.#view, connection: { state: "live" } };
    for (const event of events) {
      const state = "state" in event ? event.state : applyPatch(view[event.topic], event.patch);
      view = { ...view, [event.topic]: state };
    }
    this.#failures = 0;
    const { cluster } = view;
    if (cluster !== undefined && cluster !== before) {
      const atMs = cluster.nowMs;
      const history = view.history.filter((point) => point.atMs > atMs - historyMs && point.atMs < atMs);
      view = { ...view, history: [...history, { ...cluster.rates, atMs }] };
      const restarted = before !== undefined && before.supernode.startedAtMs !== cluster.supernode.startedAtMs;
      if (restarted) view = { ...view, restartedAtMs: cluster.supernode.startedAtMs };
    }
    this.#set(view);
  }

  #set(view: LiveView): void {
    this.#view = view;
    for (const listener of this.#listeners) listener();
  }
}
