// Versions that hosts have, whole or in part, before this supernode seeds them: another was their home, or this one was and has been away. It
// asks the hosts what they hold of a version and what was signed of it, and the seed reads from the origin only the rest.

import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import type { Scheduler } from "../core/scheduler.ts";
import type { SchedulerEvent } from "../core/scheduler-event.ts";
import type { Log } from "../runtime/log.ts";
import type { FromDaemon, FromDaemonOf, FromSupernode } from "../wire/control.ts";
import { KnownKeys } from "./known-keys.ts";
import { Recalls } from "./recalls.ts";
import type { SeedBook } from "./seed-book.ts";

export interface TakeoversOptions {
  /** This supernode's public key, as it travels. */
  readonly ownKey: string;
  readonly scheduler: Pick<Scheduler, "swarms">;
  readonly seeds: Pick<SeedBook, "find">;
  readonly log: Log;
  readonly dispatch: (event: SchedulerEvent) => void;
  readonly post: (host: HostId, message: FromSupernode) => void;
  /** A host told something as signed that is not. */
  readonly onAltered: (host: HostId, version: VersionId) => void;
}

/** The daemons' messages that are about this alone. */
export type TakeoverMessage = Extract<FromDaemon, { type: "keys" | "holdings" | "recalled" | "starving" }>;
type Holdings = FromDaemonOf<"holdings">["holdings"];

export class Takeovers {
  readonly #options: TakeoversOptions;
  readonly #keys: KnownKeys;
  readonly #recalls: Recalls;
  readonly #abort = new AbortController();

  constructor(options: TakeoversOptions) {
    this.#options = options;
    this.#keys = new KnownKeys(options.ownKey);
    this.#recalls = new Recalls((host, version) => options.post(host, { type: "recall", version }));
  }

  /** Some host has met another supernode. */
  get hasOthers(): boolean {
    return this.#keys.hasOthers;
  }

  joined({ host, keys, holdings }: Pick<FromDaemonOf<"hello">, "host" | "keys" | "holdings">): void {
    this.#keys.learn(host, keys ?? []);
    this.holds(host, holdings);
  }

  left(host: HostId): void {
    this.#keys.forget(host);
    this.#recalls.forget(host);
  }

  holds(host: HostId, holdings: Holdings): void {
    for (const holding of holdings) {
      this.#options.dispatch({ type: "holding", host, ...holding });
      // Whoever comes after the others were asked: the less is read from the origin.
      if (this.#options.seeds.find(holding.version)?.whole === false) this.#recalls.ask(holding.version, host);
    }
  }

  receive(host: HostId, message: TakeoverMessage): void {
    const { seeds, log } = this.#options;
    switch (message.type) {
      case "keys":
        return this.#keys.learn(host, message.keys);
      case "holdings":
        log.debug("holdings announced", { host, holdings: message.holdings.length });
        return this.holds(host, message.holdings);
      case "recalled":
        if (seeds.find(message.version)?.restore(message, (key) => this.#keys.trusts(key)) === true)
          this.#options.onAltered(host, message.version);
        return this.#recalls.answered(message.version, host);
      case "starving":
        log.info("pieces are nowhere", { version: message.version, by: host });
        return seeds.find(message.version)?.readAnew(message.pieces);
    }
  }

  /** Some host has some version of it: perhaps nothing is to be read. */
  isOffered(task: TaskId): boolean {
    for (const swarm of this.#options.scheduler.swarms.values()) {
      if (swarm.task === task && swarm.peers.some(({ offers }) => offers)) return true;
    }
    return false;
  }

  /** Resolves when the version's seed has heard of what hosts have; at once where none has anything. */
  async gather(version: VersionId): Promise<void> {
    const { scheduler, seeds, log } = this.#options;
    const offering = scheduler.swarms.get(version)?.peers.filter(({ offers }) => offers) ?? [];
    if (offering.length === 0) return;
    const hosts = offering.map(({ host }) => host.id);
    await this.#recalls.gather(version, hosts, this.#abort.signal);
    log.info("version taken over", { version, hosts: offering.length, ...seeds.find(version)?.restored });
  }

  close(): void {
    this.#abort.abort();
  }
}
