// Fetches what the supernode orders to be on this host, a few contents at a time so that the host's own downloads go before, and tells how it
// goes. Orders end with the connection that they came by: a supernode that was restarted knows nothing of them.

import { DragonflyError } from "../core/error.ts";
import type { Log } from "../runtime/log.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { Store } from "../store/store.ts";
import { type FromDaemon, type FromSupernodeOf, maxOrders } from "../wire/control.ts";
import { type TaskRequest, taskKey } from "../wire/task-key.ts";
import { openForClient } from "./client-ticket.ts";
import type { OrderNews } from "./supernode-link.ts";
import type { Ticket, Transfers } from "./transfers.ts";

type Order = FromSupernodeOf<"serve">;

export interface PreheaterOptions {
  readonly transfers: Pick<Transfers, "open">;
  readonly store: Store;
  /** 0 is unlimited. */
  readonly quotaBytes: number;
  readonly send: (message: FromDaemon) => void;
  /** Somebody is at work here: called when it begins; the result when it ends. */
  readonly busy: () => () => void;
  readonly log: Log;
}

interface Work {
  readonly order: Order;
  readonly abort: AbortController;
  ticket: Ticket | undefined;
  /** Who ordered it is gone, and would take the answer for another's. */
  isForsaken: boolean;
  /** Room that it was promised and has not used yet. */
  missingBytes: () => number;
}

const atOnce = 2;
const tellEveryMs = 2000;

export class Preheater {
  readonly #options: PreheaterOptions;
  readonly #waiting: Work[] = [];
  readonly #running = new Set<Work>();
  #teller: NodeJS.Timeout | undefined;

  constructor(options: PreheaterOptions) {
    this.#options = options;
  }

  hear(message: OrderNews): void {
    if (message.type === "serve-cancelled") return this.#cancel(message.order);
    if (this.#waiting.length + this.#running.size >= maxOrders) {
      const error = new DragonflyError("overloaded", `${maxOrders} orders wait here already`, { retryAfterMs: 5000 });
      return this.#options.send({ type: "served", order: message.order, bytes: 0, error: error.toJSON() });
    }
    this.#waiting.push({
      order: message,
      abort: new AbortController(),
      ticket: undefined,
      isForsaken: false,
      missingBytes: () => 0,
    });
    this.#teller ??= setInterval(() => this.#tell(), tellEveryMs).unref();
    this.#next();
  }

  /** Nobody is left who would hear of the outcomes. */
  supernodeLost(): void {
    this.#end("the supernode that ordered it is gone");
  }

  close(): void {
    this.#end("the daemon is stopping");
  }

  #end(why: string): void {
    this.#waiting.length = 0;
    for (const work of this.#running) {
      work.isForsaken = true;
      work.abort.abort(new DragonflyError("interrupted", why));
    }
  }

  #cancel(order: number): void {
    const waiting = this.#waiting.findIndex((work) => work.order.order === order);
    const error = new DragonflyError("interrupted", "the preheat was cancelled");
    const [work] = waiting === -1 ? [] : this.#waiting.splice(waiting, 1);
    if (work !== undefined) this.#answer(work, error);
    for (const running of this.#running) if (running.order.order === order) running.abort.abort(error);
  }

  #next(): void {
    while (this.#running.size < atOnce) {
      const work = this.#waiting.shift();
      if (work === undefined) break;
      this.#running.add(work);
      void this.#serve(work);
    }
    if (this.#running.size > 0) return;
    clearInterval(this.#teller);
    this.#teller = undefined;
  }

  async #serve(work: Work): Promise<void> {
    const idle = this.#options.busy();
    let error: DragonflyError | undefined;
    try {
      await this.#fetch(work);
    } catch (thrown) {
      error = DragonflyError.from(thrown);
      this.#options.log.warn("preheat failed", { order: work.order.order, error: error.message });
    } finally {
      idle();
      this.#running.delete(work);
    }
    if (!work.isForsaken) this.#answer(work, error);
    this.#next();
  }

  async #fetch(work: Work): Promise<void> {
    const { signal } = work.abort;
    this.#promiseRoom(work);
    const request = { ...taskOf(work.order), backToSource: true, background: true };
    const ticket = await openForClient(this.#options.transfers, request, signal);
    const { holding, transfer } = ticket;
    const release = transfer === undefined ? holding.acquire() : transfer.use();
    work.ticket = ticket;
    work.missingBytes = () => Math.max(0, (holding.version.length ?? 0) - bytesOf(ticket));
    try {
      await untilAborted(transfer?.finished ?? Promise.resolve(), signal);
    } finally {
      release();
    }
  }

  /** What was fetched because somebody wanted it is not thrown out for what somebody may want. */
  #promiseRoom(work: Work): void {
    const { store, quotaBytes } = this.#options;
    const { length } = work.order;
    if (quotaBytes === 0 || length === null) return;
    const held = store.latest(taskKey(taskOf(work.order)).id);
    if (held?.state === "complete") return;
    const missing = length - (held === undefined ? 0 : Math.min(length, held.held.count * held.version.pieceLength));
    let promised = 0;
    for (const other of this.#running) promised += other.missingBytes();
    if (store.usedBytes + promised + missing > quotaBytes) {
      throw new DragonflyError("no-space", "the quota of this host has no room left for it");
    }
    work.missingBytes = () => missing;
  }

  /** A transfer that was left has told the supernode so by now: whoever hears this has heard that. */
  #answer({ order: { order }, ticket }: Work, error: DragonflyError | undefined): void {
    const bytes = ticket === undefined ? 0 : bytesOf(ticket);
    // A message may name a long URL, and one that is too long would cost the channel.
    const told = error === undefined ? {} : { error: { ...error.toJSON(), message: error.message.slice(0, 1024) } };
    this.#options.send({ type: "served", order, bytes, ...told });
  }

  #tell(): void {
    const orders = [...this.#running, ...this.#waiting].map(({ order: { order }, ticket }) => ({
      order,
      bytes: ticket === undefined ? 0 : bytesOf(ticket),
    }));
    if (orders.length > 0) this.#options.send({ type: "serving", orders });
  }
}

function taskOf({ type: _, order: __, length: ___, ...task }: Order): TaskRequest {
  return task;
}

function bytesOf({ holding }: Ticket): number {
  const { length, pieceLength } = holding.version;
  return Math.min(holding.held.count * pieceLength, length ?? holding.endBytes);
}
