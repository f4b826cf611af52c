// Questions to hosts what they hold of a version whose home was lost, and the wait for their answers before the origin is read for the rest.

import { setTimeout as sleep } from "node:timers/promises";
import type { HostId, VersionId } from "../core/ids.ts";

export interface RecallLimits {
  /** So long others are waited for that have lost the same home and come now. */
  readonly gatherMs: number;
  /** Whoever has not answered by then is read without. */
  readonly patienceMs: number;
}

export const defaultRecallLimits: RecallLimits = { gatherMs: 300, patienceMs: 2000 };

interface Gathering {
  readonly waiting: Set<HostId>;
  answered: () => void;
}

export class Recalls {
  readonly #ask: (host: HostId, version: VersionId) => void;
  readonly #limits: RecallLimits;
  readonly #gatherings = new Map<VersionId, Gathering>();

  constructor(ask: (host: HostId, version: VersionId) => void, limits = defaultRecallLimits) {
    this.#ask = ask;
    this.#limits = limits;
  }

  /** Resolves when those that were asked have answered, those among them that come while the others are waited for. */
  async gather(version: VersionId, hosts: readonly HostId[], signal: AbortSignal): Promise<void> {
    if (hosts.length === 0) return;
    const gathering: Gathering = { waiting: new Set(), answered: () => {} };
    this.#gatherings.set(version, gathering);
    for (const host of hosts) this.ask(version, host);
    const { gatherMs, patienceMs } = this.#limits;
    await sleep(gatherMs, undefined, { signal });
    const all = new Promise<void>((resolve) => {
      gathering.answered = resolve;
    });
    if (gathering.waiting.size > 0) await Promise.race([all, sleep(patienceMs, undefined, { signal, ref: false })]);
    this.#gatherings.delete(version);
  }

  ask(version: VersionId, host: HostId): void {
    this.#gatherings.get(version)?.waiting.add(host);
    this.#ask(host, version);
  }

  answered(version: VersionId, host: HostId): void {
    const gathering = this.#gatherings.get(version);
    if (gathering?.waiting.delete(host) && gathering.waiting.size === 0) gathering.answered();
  }

  /** It will not answer any more. */
  forget(host: HostId): void {
    for (const version of [...this.#gatherings.keys()]) this.answered(version, host);
  }
}
