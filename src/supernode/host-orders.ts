// Orders to hosts to fetch content: sends them over the control channel and waits for their outcomes. A host that leaves, or says nothing of an
// order for too long, has failed it.

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import type { FromDaemonOf, FromSupernode, FromSupernodeOf } from "../wire/control.ts";

export type Order = Omit<FromSupernodeOf<"serve">, "type" | "order">;

export interface OrderWatch {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

interface Pending {
  readonly onBytes: (bytes: number) => void;
  readonly settle: (error?: DragonflyError) => void;
  readonly silence: NodeJS.Timeout;
}

/** Hosts tell each two seconds how their orders are. */
const maxSilenceMs = 30_000;
/** What a host that is told to stop may take to confirm it. */
const maxFarewellMs = 5000;
const maxPending = 200_000;

export interface HostOrdersOptions {
  readonly post: (host: HostId, message: FromSupernode) => void;
  readonly isConnected: (host: HostId) => boolean;
}

export class HostOrders {
  readonly #options: HostOrdersOptions;
  readonly #pending = new Map<HostId, Map<number, Pending>>();
  #nextOrder = 1;
  #count = 0;

  constructor(options: HostOrdersOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the host holds the content. When the signal fires it is told to stop, and its word is waited for, so that by then it has left
   * the swarm too. Errors: the host's own, `peer-unreachable` when it leaves, `timed-out`, `overloaded`.
   */
  serve(host: HostId, order: Order, { signal, onBytes }: OrderWatch): Promise<void> {
    if (this.#count >= maxPending) {
      return Promise.reject(new DragonflyError("overloaded", "too many orders to hosts wait", { retryAfterMs: 5000 }));
    }
    const { post, isConnected } = this.#options;
    if (!isConnected(host)) return Promise.reject(new DragonflyError("peer-unreachable", "the host is not connected"));
    const number = this.#nextOrder++;
    return new Promise((resolve, reject) => {
      let farewell: NodeJS.Timeout | undefined;
      const onAbort = (): void => {
        post(host, { type: "serve-cancelled", order: number });
        farewell = setTimeout(() => settle(), maxFarewellMs).unref();
      };
      const settle = (error?: DragonflyError): void => {
        clearTimeout(farewell);
        clearTimeout(silence);
        signal.removeEventListener("abort", onAbort);
        this.#forget(host, number);
        if (signal.aborted) reject(DragonflyError.from(signal.reason));
        else if (error !== undefined) reject(error);
        else resolve();
      };
      const silence = setTimeout(
        () => settle(new DragonflyError("timed-out", "the host says nothing of what it was told to fetch")),
        maxSilenceMs,
      ).unref();
      this.#remember(host, number, { onBytes, settle, silence });
      post(host, { type: "serve", order: number, ...order });
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  hear(host: HostId, message: FromDaemonOf<"serving" | "served">): void {
    const orders = this.#pending.get(host);
    if (message.type === "serving") {
      for (const { order, bytes } of message.orders) {
        const pending = orders?.get(order);
        pending?.silence.refresh();
        pending?.onBytes(bytes);
      }
      return;
    }
    const { order, bytes, error } = message;
    const pending = orders?.get(order);
    pending?.onBytes(bytes);
    pending?.settle(error === undefined ? undefined : DragonflyError.fromWire(error));
  }

  hostLeft(host: HostId): void {
    for (const { settle } of [...(this.#pending.get(host)?.values() ?? [])]) {
      settle(new DragonflyError("peer-unreachable", "the host left"));
    }
  }

  #remember(host: HostId, number: number, pending: Pending): void {
    const orders = this.#pending.get(host) ?? new Map<number, Pending>();
    this.#pending.set(host, orders.set(number, pending));
    this.#count++;
  }

  #forget(host: HostId, number: number): void {
    const orders = this.#pending.get(host);
    if (orders?.delete(number) !== true) return;
    this.#count--;
    if (orders.size === 0) this.#pending.delete(host);
  }
}
