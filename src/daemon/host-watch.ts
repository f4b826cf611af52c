// Looks every second what the host does, holds this daemon's own rates back where the host's work needs them (core/giving-way.ts), and tells
// the supernodes.

import { GivingWay, type LoadSample } from "../core/giving-way.ts";
import type { TokenBucket } from "../core/token-bucket.ts";
import type { RateGate } from "../net/rate-gate.ts";
import { HostLoad, type OwnTraffic } from "../runtime/host-load.ts";
import type { Log } from "../runtime/log.ts";
import type { FromDaemonOf } from "../wire/control.ts";

export interface HostWatchOptions {
  readonly own: () => OwnTraffic;
  readonly uploads: RateGate;
  readonly downloads: TokenBucket;
  /** What is configured, 0 being unlimited: never exceeded. */
  readonly uploadLimitBytesPerSecond: number;
  readonly downloadLimitBytesPerSecond: number;
  readonly tell: (load: FromDaemonOf<"load">) => void;
  readonly log: Log;
}

const everyMs = 1000;
/** Samples from one report to the next, and how much is news. */
const reportEvery = 2;
const newsShare = 0.1;

export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #load: HostLoad;
  readonly #way = new GivingWay();
  readonly #timer: NodeJS.Timeout;
  #told: FromDaemonOf<"load"> | undefined;
  #samples = 0;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    this.#load = new HostLoad(options.own);
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  /** The host's own work is given way. */
  get active(): boolean {
    return this.#way.active;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const sample = this.#load.sample();
    const before = this.#way.limits;
    const wasActive = this.#way.active;
    const { upload, download } = this.#way.step(sample);
    const { uploads, downloads, uploadLimitBytesPerSecond, downloadLimitBytesPerSecond, log } = this.#options;
    if (upload !== before.upload) uploads.setRate(within(uploadLimitBytesPerSecond, upload));
    if (download !== before.download)
      downloads.setRate(within(downloadLimitBytesPerSecond, download), performance.now());
    if (this.#way.active !== wasActive)
      log.info(wasActive ? "uploads are free again" : "giving way to the host", { ...sample });
    if (++this.#samples % reportEvery === 0) this.#report(sample);
  }

  #report({ sentRate, ownSentRate, cpuPressure, diskPressure, memoryPressure }: LoadSample): void {
    const others = Math.round(Math.max(0, sentRate - ownSentRate));
    const pressure = { cpu: cpuPressure, disk: diskPressure, memory: memoryPressure };
    const load = { type: "load", givingWay: this.#way.active, othersSentRate: others, pressure } as const;
    if (this.#told !== undefined && !isNews(this.#told, load)) return;
    this.#told = load;
    this.#options.tell(load);
  }
}

function within(configured: number, limit: number): number {
  if (limit === Number.POSITIVE_INFINITY) return configured;
  return configured === 0 ? limit : Math.min(configured, limit);
}

function isNews(told: FromDaemonOf<"load">, now: FromDaemonOf<"load">): boolean {
  const moved = (["cpu", "disk", "memory"] as const).some(
    (one) => Math.abs(told.pressure[one] - now.pressure[one]) >= newsShare,
  );
  return moved || told.givingWay !== now.givingWay;
}
