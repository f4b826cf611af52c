// Questions to origins that were not answered yet. Each holds the credentials of its asker, so there are so many and no more, and no asker can
// take the places of the others.

import { DragonflyError } from "../core/error.ts";
import type { Audience, Digest, TaskId } from "../core/ids.ts";
import type { OriginRequest } from "../origin/origin.ts";

/** What a host asked for: enough to ask the origin the same. Holds credentials, for as long as the probe and the read last. */
export interface Errand {
  readonly task: TaskId;
  readonly audience: Audience;
  readonly displayUrl: string;
  readonly digest: Digest | undefined;
  /** Nobody asked who wants the content whether its origin lets it be shared or not. */
  readonly onlyShareable: boolean;
  readonly request: OriginRequest;
  /** Who asked: a host's id, or what else, for the log. */
  readonly by: string;
}

export interface ErrandLimits {
  readonly all: number;
  /** As many as a daemon runs downloads. */
  readonly ofOne: number;
}

interface Kept {
  readonly errand: Errand;
  /** Whose place it takes: the first who asked. */
  readonly owner: string;
}

export class Errands {
  readonly #limits: ErrandLimits;
  readonly #kept = new Map<string, Kept>();
  readonly #places = new Map<string, number>();

  constructor(limits: ErrandLimits = { all: 65_536, ofOne: 4096 }) {
    this.#limits = limits;
  }

  /** What was asked last counts. Errors: `overloaded`. */
  note(errand: Errand): void {
    const key = keyOf(errand.task, errand.audience);
    const known = this.#kept.get(key);
    const owner = known?.owner ?? errand.by;
    if (known === undefined) this.#takePlace(owner);
    const onlyShareable = errand.onlyShareable && known?.errand.onlyShareable !== false;
    this.#kept.set(key, { errand: { ...errand, onlyShareable }, owner });
  }

  get(task: TaskId, audience: Audience): Errand | undefined {
    return this.#kept.get(keyOf(task, audience))?.errand;
  }

  /** It is answered. */
  forget(task: TaskId, audience: Audience): void {
    const key = keyOf(task, audience);
    const known = this.#kept.get(key);
    if (known === undefined) return;
    this.#kept.delete(key);
    const left = (this.#places.get(known.owner) ?? 1) - 1;
    if (left === 0) this.#places.delete(known.owner);
    else this.#places.set(known.owner, left);
  }

  #takePlace(owner: string): void {
    const { all, ofOne } = this.#limits;
    const places = this.#places.get(owner) ?? 0;
    const problem =
      places >= ofOne
        ? `${ofOne} tasks of this host wait for their origins`
        : this.#kept.size >= all
          ? "too many tasks wait for their origins"
          : undefined;
    if (problem !== undefined) throw new DragonflyError("overloaded", problem, { retryAfterMs: 1000 });
    this.#places.set(owner, places + 1);
  }
}

function keyOf(task: TaskId, audience: Audience): string {
  return `${task} ${audience}`;
}
