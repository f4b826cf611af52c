// Seeds that somebody in this process waits for without being a host: he takes a lease, watches, and leaves. A read of the origin that he was
// the last to want ends when he leaves it early.

import { DragonflyError } from "../core/error.ts";
import type { VersionId } from "../core/ids.ts";
import type { SchedulerEffect, SchedulerEvent } from "../core/scheduler-event.ts";
import type { Peer } from "../core/swarm.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { TaskKey, TaskRequest } from "../wire/task-key.ts";
import type { Seed } from "./seed.ts";
import type { SeedBook } from "./seed-book.ts";

export interface SeedLeasesOptions {
  readonly seeds: SeedBook;
  readonly note: (task: TaskRequest) => TaskKey;
  readonly dispatch: (event: SchedulerEvent) => void;
  readonly peersOf: (version: VersionId) => readonly Peer[];
}

export interface SeedLease {
  readonly seed: Seed;
  /** Not wanted any more. Idempotent. */
  leave(): void;
}

type Answer = Extract<SchedulerEffect, { type: "seeding" | "not-seeding" }>;

export class SeedLeases {
  readonly #options: SeedLeasesOptions;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #holders = new Map<VersionId, number>();
  #nextRequest = 1;

  constructor(options: SeedLeasesOptions) {
    this.#options = options;
  }

  /** Resolves when the task's current version is complete here or being read. Errors: what the origin refuses with, `overloaded`. */
  async take(task: TaskRequest, signal: AbortSignal): Promise<SeedLease> {
    signal.throwIfAborted();
    const { id, audience } = this.#options.note(task);
    const request = this.#nextRequest++;
    const answered = new Promise<SeedLease>((resolve, reject) => {
      this.#waiting.set(request, (answer) => {
        try {
          resolve(this.#lease(answer));
        } catch (error) {
          reject(error);
        }
      });
    });
    this.#options.dispatch({ type: "seed-wanted", request, task: id, audience });
    try {
      return await untilAborted(answered, signal);
    } catch (error) {
      // The answer may come all the same.
      answered.then(
        (lease) => lease.leave(),
        () => {},
      );
      throw error;
    }
  }

  isTaken(version: VersionId): boolean {
    return this.#holders.has(version);
  }

  /** Ends the read of a version that nobody waits for. */
  end(version: VersionId): void {
    const { seeds, dispatch } = this.#options;
    if (seeds.find(version)?.state !== "reading") return;
    seeds.stop(version);
    const error = new DragonflyError("interrupted", "nobody waits for it any more");
    dispatch({ type: "seed-failed", version, error: error.toJSON() });
  }

  /** In the same turn as the scheduler's decision, so that the seed is counted before anything can end it. */
  hear(answer: Answer): void {
    const tell = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    tell?.(answer);
  }

  #lease(answer: Answer): SeedLease {
    if (answer.type === "not-seeding") throw DragonflyError.fromWire(answer.error);
    const { version } = answer;
    const seed = this.#options.seeds.find(version);
    if (seed === undefined) {
      throw new DragonflyError("overloaded", "the content was just evicted, try again", { retryAfterMs: 100 });
    }
    this.#holders.set(version, (this.#holders.get(version) ?? 0) + 1);
    const release = seed.holding.acquire();
    let held = true;
    const leave = (): void => {
      if (!held) return;
      held = false;
      release();
      this.#left(version, seed);
    };
    return { seed, leave };
  }

  #left(version: VersionId, seed: Seed): void {
    const { seeds, peersOf } = this.#options;
    const holders = (this.#holders.get(version) ?? 1) - 1;
    if (holders > 0) return void this.#holders.set(version, holders);
    this.#holders.delete(version);
    if (seeds.find(version) !== seed) return;
    if (peersOf(version).some(({ state }) => state === "fetching")) return;
    this.end(version);
  }
}
