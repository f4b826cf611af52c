// The links that this host has dialled: one to each other host, shared by all versions, closed when nobody used it for a while.

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { PieceLink } from "../net/piece-link.ts";
import type { SlabPool } from "../net/slab-pool.ts";

const connectTimeoutMs = 5000;
const idleMs = 30_000;
const maxLinks = 4096;

interface Entry {
  readonly link: Promise<PieceLink>;
  idle: NodeJS.Timeout | undefined;
}

export class LinkPool {
  readonly #hostId: HostId;
  readonly #slabs: SlabPool;
  readonly #entries = new Map<string, Entry>();
  readonly #abort = new AbortController();

  constructor(hostId: HostId, slabs: SlabPool) {
    this.#hostId = hostId;
    this.#slabs = slabs;
  }

  /** The link to `host:port`, dialled if there is none. Errors: `peer-unreachable`, `overloaded`. */
  get(address: string): Promise<PieceLink> {
    const known = this.#entries.get(address);
    if (known !== undefined) {
      clearTimeout(known.idle);
      known.idle = undefined;
      return known.link;
    }
    if (this.#entries.size >= maxLinks) {
      return Promise.reject(new DragonflyError("overloaded", "too many links to other hosts"));
    }
    const link = PieceLink.dial(address, {
      hostId: this.#hostId,
      slabs: this.#slabs,
      signal: this.#abort.signal,
      connectTimeoutMs,
    });
    const entry: Entry = { link, idle: undefined };
    this.#entries.set(address, entry);
    const forget = (): void => {
      clearTimeout(entry.idle);
      if (this.#entries.get(address) === entry) this.#entries.delete(address);
    };
    link.then((made) => made.onClosed(forget), forget);
    return link;
  }

  /** Dials ahead of the use. */
  prepare(address: string): void {
    this.get(address).then(
      () => this.release(address),
      () => {},
    );
  }

  /** A user of the link is done with it; the last one's leaving starts the clock. */
  async release(address: string): Promise<void> {
    const entry = this.#entries.get(address);
    const link = await entry?.link.catch(() => undefined);
    if (entry === undefined || link === undefined || entry.idle !== undefined) return;
    entry.idle = setTimeout(() => {
      entry.idle = undefined;
      if (link.channels === 0) link.close();
    }, idleMs).unref();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    const links = await Promise.allSettled([...this.#entries.values()].map((entry) => entry.link));
    for (const link of links) if (link.status === "fulfilled") link.value.close();
  }
}
