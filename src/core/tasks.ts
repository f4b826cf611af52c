// The tasks that the scheduler knows: which version is current by the origin's word, for whom it was confirmed and when, and who waits for
// that word.

import type { Audience, HostId, TaskId, VersionId } from "./ids.ts";

/** A host that asked, or the supernode itself, and its own number for the request. */
export interface Waiting {
  readonly host: HostId | undefined;
  readonly request: number;
}

/** When the origin confirmed the version, and how long that counts where the asker does not say. */
interface Confirmation {
  readonly atMs: number;
  readonly forMs: number;
}

interface Task {
  readonly id: TaskId;
  version: VersionId | undefined;
  readonly confirmed: Map<Audience, Confirmation>;
  readonly waiting: Map<Audience, Waiting[]>;
  usedAtMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;
const maxAudiences = 1024;

export class Tasks {
  readonly #forgetMs: number;
  readonly #byId = new Map<TaskId, Task>();
  #nextSweepMs = NEVER;

  /** How long a task that nobody uses is remembered. */
  constructor(forgetMs: number) {
    this.#forgetMs = forgetMs;
  }

  get ids(): Iterable<TaskId> {
    return this.#byId.keys();
  }

  /** When `sweep` is due; Infinity while there are no tasks. */
  get nextSweepMs(): number {
    return this.#nextSweepMs;
  }

  version(id: TaskId): VersionId | undefined {
    return this.#byId.get(id)?.version;
  }

  /** Notes that somebody asked for it or holds it. */
  use(id: TaskId, nowMs: number): void {
    this.#task(id, nowMs);
  }

  /**
   * The version, if the origin confirmed it for the audience a short while ago, `maxAgeMs` where that is given, and is not being asked. Counts
   * as use.
   */
  confirmed(id: TaskId, audience: Audience, nowMs: number, maxAgeMs?: number): VersionId | undefined {
    const { version, confirmed, waiting } = this.#task(id, nowMs);
    const said = confirmed.get(audience);
    if (said === undefined || waiting.has(audience)) return undefined;
    // Whoever comes with credentials cannot make the origin's word on them last: they may have been revoked since.
    const forMs = audience === "" ? (maxAgeMs ?? said.forMs) : Math.min(maxAgeMs ?? said.forMs, said.forMs);
    return nowMs - said.atMs > forMs ? undefined : version;
  }

  /** Waits for the origin's word. Returns whether the origin is to be asked: nobody has waited before. */
  wait(id: TaskId, audience: Audience, who: Waiting): boolean {
    const waiting = this.#byId.get(id)?.waiting;
    const queue = waiting?.get(audience);
    if (queue === undefined) waiting?.set(audience, [who]);
    else queue.push(who);
    return queue === undefined;
  }

  /** The origin's word. That on another version voids what was said to others. */
  confirm(id: TaskId, audience: Audience, version: VersionId, said: Confirmation): void {
    const task = this.#task(id, said.atMs);
    if (task.version !== version || task.confirmed.size >= maxAudiences) task.confirmed.clear();
    task.version = version;
    task.confirmed.set(audience, said);
  }

  /** Those who are to be answered now. */
  takeWaiting(id: TaskId, audience: Audience): readonly Waiting[] {
    const waiting = this.#byId.get(id)?.waiting;
    const taken = waiting?.get(audience) ?? [];
    waiting?.delete(audience);
    return taken;
  }

  /** Returns the version that was current. Those who wait for the origin's word still get their answer. */
  forget(id: TaskId): VersionId | undefined {
    const task = this.#byId.get(id);
    if (task === undefined) return undefined;
    const { version } = task;
    task.version = undefined;
    task.confirmed.clear();
    if (task.waiting.size === 0) this.#byId.delete(id);
    return version;
  }

  /** Tasks that nobody asked for in a while, when it is time to look; the caller forgets those that nobody holds. */
  *sweep(nowMs: number): Iterable<{ readonly id: TaskId; readonly version: VersionId | undefined }> {
    if (nowMs < this.#nextSweepMs) return;
    for (const task of [...this.#byId.values()]) {
      if (nowMs - task.usedAtMs >= this.#forgetMs && task.waiting.size === 0) yield task;
    }
    this.#nextSweepMs = this.#byId.size === 0 ? NEVER : nowMs + this.#forgetMs;
  }

  #task(id: TaskId, nowMs: number): Task {
    let task = this.#byId.get(id);
    if (task === undefined) {
      task = { id, version: undefined, confirmed: new Map(), waiting: new Map(), usedAtMs: nowMs };
      this.#byId.set(id, task);
      this.#nextSweepMs = Math.min(this.#nextSweepMs, nowMs + this.#forgetMs);
    }
    task.usedAtMs = nowMs;
    return task;
  }
}
