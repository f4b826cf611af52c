// The preheaters of this host: one for each supernode that orders something, since each numbers its orders itself.

import type { HostId } from "../core/ids.ts";
import type { FromDaemon } from "../wire/control.ts";
import { Preheater, type PreheaterOptions } from "./preheater.ts";
import type { OrderNews } from "./supernode-link.ts";

export interface PreheatersOptions extends Omit<PreheaterOptions, "send"> {
  readonly send: (message: FromDaemon, supernode: HostId) => void;
}

export class Preheaters {
  readonly #options: PreheatersOptions;
  readonly #bySupernode = new Map<HostId, Preheater>();

  constructor(options: PreheatersOptions) {
    this.#options = options;
  }

  hear(order: OrderNews, supernode: HostId): void {
    let preheater = this.#bySupernode.get(supernode);
    if (preheater === undefined) {
      const { send, ...options } = this.#options;
      preheater = new Preheater({ ...options, send: (message) => send(message, supernode) });
      this.#bySupernode.set(supernode, preheater);
    }
    preheater.hear(order);
  }

  supernodeLost(supernode: HostId): void {
    this.#bySupernode.get(supernode)?.supernodeLost();
    this.#bySupernode.delete(supernode);
  }

  close(): void {
    for (const preheater of this.#bySupernode.values()) preheater.close();
  }
}
