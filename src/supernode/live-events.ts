// GET /api/v1/events: what the console shows, while somebody looks. With nobody there is no timer, and hosts tell no more than they always do.

import type { ServerResponse } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { TaskId } from "../core/ids.ts";
import { EventStream } from "../net/event-stream.ts";
import { ClusterView } from "./cluster-view.ts";
import { HostsView } from "./hosts-view.ts";
import { LiveTopic } from "./live-topic.ts";
import type { LiveWorld } from "./live-world.ts";
import { TaskView } from "./task-view.ts";

export interface LiveQuery {
  readonly hosts: boolean;
  readonly task: TaskId | undefined;
}

const tickMs = 400;
const maxReaders = 64;
const maxTasks = 16;

export class LiveEvents {
  readonly #world: LiveWorld;
  readonly #cluster: LiveTopic;
  readonly #hosts: LiveTopic;
  readonly #tasks = new Map<TaskId, LiveTopic>();
  readonly #readers = new Set<EventStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(world: LiveWorld) {
    this.#world = world;
    this.#cluster = new LiveTopic("cluster", new ClusterView(world));
    this.#hosts = new LiveTopic("hosts", new HostsView(world));
  }

  /** Throws `overloaded` when too many look on already. */
  check({ task }: LiveQuery): void {
    const message = "too many follow the events already: close another window, or try again later";
    const full = task !== undefined && !this.#tasks.has(task) && this.#tasks.size >= maxTasks;
    if (full || this.#readers.size >= maxReaders)
      throw new DragonflyError("overloaded", message, { retryAfterMs: 5000 });
  }

  /** Takes the answer over, until its reader leaves. */
  serve(response: ServerResponse, { hosts, task }: LiveQuery): void {
    const topics = [this.#cluster];
    if (hosts) topics.push(this.#hosts);
    if (task !== undefined) topics.push(this.#taskTopic(task));
    const reader = new EventStream(response, () => {
      this.#readers.delete(reader);
      for (const topic of topics) topic.leave(reader);
      if (task !== undefined && this.#tasks.get(task)?.readers === 0) this.#tasks.delete(task);
      if (this.#readers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#readers.add(reader);
    const now = performance.now();
    for (const topic of topics) topic.join(reader, now);
    this.#timer ??= setInterval(() => this.#tick(), tickMs).unref();
  }

  close(): void {
    for (const reader of [...this.#readers]) reader.close();
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    for (const reader of [...this.#readers]) if (reader.isStuck(now)) reader.close();
    for (const topic of [this.#cluster, this.#hosts, ...this.#tasks.values()]) if (topic.readers > 0) topic.tick(now);
  }

  #taskTopic(id: TaskId): LiveTopic {
    const known = this.#tasks.get(id);
    if (known !== undefined) return known;
    const topic = new LiveTopic("task", new TaskView(this.#world, id));
    this.#tasks.set(id, topic);
    return topic;
  }
}
