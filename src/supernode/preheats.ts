// The preheats of this supernode: some run, some wait their turn, and the last that are over are remembered. All of it is in memory, and gone with
// the process: so are the credentials.

import { randomBytes } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import { isOver } from "../core/preheat-state.ts";
import type { Log } from "../runtime/log.ts";
import { Preheat, type PreheatWorld } from "./preheat.ts";
import type { PreheatRequest } from "./preheat-request.ts";

export interface PreheatsOptions {
  readonly world: PreheatWorld;
  readonly log: Log;
}

const atOnce = 8;
const maxWaiting = 64;
const maxRemembered = 256;

export class Preheats {
  readonly #options: PreheatsOptions;
  /** The oldest first. */
  readonly #byId = new Map<string, Preheat>();
  readonly #waiting: { readonly preheat: Preheat; readonly request: PreheatRequest }[] = [];
  #running = 0;
  #closed = false;

  constructor(options: PreheatsOptions) {
    this.#options = options;
  }

  /** The newest first. */
  get all(): readonly Preheat[] {
    return [...this.#byId.values()].reverse();
  }

  /** Errors: `not-found`. */
  get(id: string): Preheat {
    const preheat = this.#byId.get(id);
    if (preheat === undefined) throw new DragonflyError("not-found", `there is no preheat ${id.slice(0, 32)}`);
    return preheat;
  }

  /** Errors: `overloaded`. */
  start(request: PreheatRequest): Preheat {
    if (this.#waiting.length >= maxWaiting) {
      throw new DragonflyError("overloaded", `${maxWaiting} preheats wait already`, { retryAfterMs: 10_000 });
    }
    const preheat = new Preheat(randomBytes(16).toString("hex"), request, Date.now());
    this.#byId.set(preheat.id, preheat);
    this.#forgetOldest();
    this.#waiting.push({ preheat, request });
    this.#next();
    return preheat;
  }

  /** Errors: `not-found`. */
  cancel(id: string): Preheat {
    const preheat = this.get(id);
    preheat.cancel();
    const waiting = this.#waiting.findIndex((one) => one.preheat === preheat);
    if (waiting !== -1) this.#waiting.splice(waiting, 1);
    return preheat;
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const preheat of this.#byId.values()) preheat.cancel();
  }

  #next(): void {
    while (this.#running < atOnce && !this.#closed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      void this.#run(next.preheat, next.request);
    }
  }

  async #run(preheat: Preheat, request: PreheatRequest): Promise<void> {
    const { log, world } = this.#options;
    const { id, url, to } = preheat;
    log.info("preheat started", { preheat: id, url, to });
    await preheat.run(request, world);
    const { state, hosts, error } = preheat;
    const fields = { preheat: id, state, contents: preheat.children.length, hosts };
    if (state === "failed") log.warn("preheat failed", { ...fields, error: error?.message ?? "unknown" });
    else log.info("preheat over", fields);
    this.#running--;
    this.#next();
  }

  #forgetOldest(): void {
    for (const [id, { state }] of this.#byId) {
      if (this.#byId.size <= maxRemembered) return;
      if (isOver(state)) this.#byId.delete(id);
    }
  }
}
