// One version on its way to this host, as those who wait for it see it: what is there, where it came from, how it ended. How the bytes come
// is its driver's: the swarm (swarm-download.ts) or the origin alone (origin-download.ts).

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import type { BytesBySource } from "../core/swarm.ts";
import type { Holding } from "../store/store.ts";
import type { DownloadWatch, Sight } from "./download-watch.ts";

export type Source = keyof BytesBySource;

/** Brings the bytes. */
export interface Driver {
  /** Ends; what was verified stays in the holding. Idempotent. */
  stop(): void;
  /** Somebody reads in order up to byte `last` and is at this one; undefined when nobody does. */
  readAt(offset: number | undefined, last?: number): void;
  readonly rateBytesPerSecond: number;
  /** What it is doing now, for whoever explains it. */
  sight(nowMs: number): Sight;
}

export class Transfer {
  readonly holding: Holding;
  readonly finished: Promise<void>;
  readonly #from = { peers: 0, supernode: 0, origin: 0 };
  readonly #givers = new Map<HostId, { readonly source: Source; bytes: number }>();
  readonly #release: () => void;
  #settle: { resolve: () => void; reject: (error: DragonflyError) => void };
  #state: "running" | "done" | "failed" = "running";
  #driver: Driver | undefined;
  #users = 0;
  /** Set by whoever runs it. */
  watch: DownloadWatch | undefined;

  constructor(holding: Holding) {
    this.holding = holding;
    this.#release = holding.acquire();
    const { promise, resolve, reject } = withResolvers();
    this.#settle = { resolve, reject };
    this.finished = promise;
    // Whoever waits hears of it; with nobody waiting it is not an accident.
    promise.catch(() => {});
  }

  get state(): "running" | "done" | "failed" {
    return this.#state;
  }

  get from(): BytesBySource {
    return { ...this.#from };
  }

  /** Distinct hosts that gave pieces. */
  get peers(): number {
    let peers = 0;
    for (const { source } of this.#givers.values()) if (source === "peers") peers++;
    return peers;
  }

  /** Bytes by host, supernodes among them. */
  get givers(): ReadonlyMap<HostId, { readonly bytes: number }> {
    return this.#givers;
  }

  /** Undefined before it is driven. */
  sight(nowMs: number): Sight | undefined {
    return this.#driver?.sight(nowMs);
  }

  get rateBytesPerSecond(): number {
    return this.#driver?.rateBytesPerSecond ?? 0;
  }

  drive(driver: Driver): void {
    this.#driver = driver;
  }

  readAt(offset: number | undefined, last?: number): void {
    this.#driver?.readAt(offset, last);
  }

  /** Someone waits for it. Call the result when not any more: when the last one leaves early, the transfer stops. */
  use(): () => void {
    this.#users++;
    let used = true;
    return () => {
      if (!used) return;
      used = false;
      if (--this.#users === 0 && this.#state === "running") {
        this.fail(new DragonflyError("interrupted", "nobody waits for the download any more"));
      }
    };
  }

  gained(source: Source, bytes: number, host?: HostId): void {
    this.#from[source] += bytes;
    if (host === undefined) return;
    const giver = this.#givers.get(host);
    if (giver === undefined) this.#givers.set(host, { source, bytes });
    else giver.bytes += bytes;
  }

  succeed(): void {
    if (!this.#end("done")) return;
    this.#settle.resolve();
  }

  fail(error: DragonflyError): void {
    if (!this.#end("failed")) return;
    this.#settle.reject(error);
  }

  #end(state: "done" | "failed"): boolean {
    if (this.#state !== "running") return false;
    this.#state = state;
    this.#driver?.stop();
    this.#release();
    return true;
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: DragonflyError) => void } {
  let resolve: () => void = () => {};
  let reject: (error: DragonflyError) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
