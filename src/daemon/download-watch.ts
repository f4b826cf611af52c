// Looks at the downloads that run, five times a second, so that each can be explained. What is counted is counted here and nowhere on the
// way of the bytes.

import { type DownloadFacts, type DropReason, explain, type HostExplanation } from "../core/explain.ts";
import type { HostId } from "../core/ids.ts";
import { type Look, Waiting } from "../core/waiting.ts";
import { maxToldDrops, maxToldSources } from "../wire/control.ts";
import type { Transfer } from "./transfer.ts";

const lookEveryMs = 200;

/** What a driver shows of itself. */
export interface Sight {
  readonly moment: Look["moment"];
  readonly diskBehind: boolean;
  /** Of pieces that are on their way: these are not counted as received. */
  readonly arrivingBytes: number;
  readonly supernode: DownloadFacts["supernode"];
  readonly isolated: boolean;
}

export interface WatchOptions {
  readonly host: HostId;
  readonly transfer: Transfer;
  readonly limits: () => DownloadFacts["limits"];
}

export class DownloadWatch {
  readonly #options: WatchOptions;
  readonly #startedMs = performance.now();
  readonly #waiting = new Waiting();
  readonly #dropped: { host: HostId; reason: DropReason }[] = [];
  #endedMs: number | undefined;
  #sight: Sight | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  look(busy: number): void {
    const { transfer } = this.#options;
    const sight = transfer.sight(performance.now());
    if (sight === undefined) return;
    this.#sight = sight;
    const { moment, diskBehind, arrivingBytes } = sight;
    const { peers, supernode, origin } = transfer.from;
    this.#waiting.look({ moment, diskBehind, busy, bytes: peers + supernode + origin + arrivingBytes });
  }

  /** A neighbour that is none any more. */
  dropped(host: HostId, reason: DropReason): void {
    this.#dropped.push({ host, reason });
    if (this.#dropped.length > maxToldDrops) this.#dropped.shift();
  }

  end(): void {
    this.#endedMs ??= performance.now();
  }

  get facts(): DownloadFacts {
    const { transfer, limits } = this.#options;
    const { looks, spread, sources, full, bestBytesPerSecond } = this.#waiting;
    const from = [...transfer.givers].sort(([, a], [, b]) => b.bytes - a.bytes).slice(0, maxToldSources);
    return {
      elapsedMs: (this.#endedMs ?? performance.now()) - this.#startedMs,
      looks,
      spread,
      sources,
      full,
      bestBytesPerSecond,
      from: from.map(([host, { bytes }]) => ({ host, bytes })),
      dropped: [...this.#dropped],
      limits: limits(),
      supernode: this.#sight?.supernode ?? "up",
      isolated: this.#sight?.isolated ?? false,
    };
  }

  get explanation(): HostExplanation {
    const { host, transfer } = this.#options;
    const { length } = transfer.holding.version;
    const state = transfer.state === "running" ? "fetching" : transfer.state === "done" ? "complete" : "failed";
    return explain({ host, state, length, bytesBySource: transfer.from, facts: this.facts });
  }
}

/** All of a host's; one timer while there are any. */
export class DownloadWatches {
  readonly #watches = new Set<DownloadWatch>();
  #timer: NodeJS.Timeout | undefined;
  #utilization = performance.eventLoopUtilization();

  /** Until the transfer is over. */
  begin(options: WatchOptions): DownloadWatch {
    const watch = new DownloadWatch(options);
    this.#watches.add(watch);
    this.#utilization = this.#timer === undefined ? performance.eventLoopUtilization() : this.#utilization;
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref();
    const end = (): void => {
      watch.end();
      this.#watches.delete(watch);
      if (this.#watches.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
    options.transfer.finished.then(end, end);
    return watch;
  }

  #look(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    for (const watch of this.#watches) watch.look(utilization);
  }
}
