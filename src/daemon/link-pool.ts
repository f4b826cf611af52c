// The links that this host has dialled: one to each other host, shared by all versions, closed when nobody used it for a while.

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import type { Credentials } from "../net/credentials.ts";
import { PieceLink } from "../net/piece-link.ts";
import type { SlabPool } from "../net/slab-pool.ts";

const connectTimeoutMs = 5000;
const idleMs = 30_000;
const maxLinks = 4096;

interface Entry {
  readonly link: Promise<PieceLink>;
  idle: NodeJS.Timeout | undefined;
}

/** Whom a link leads to. */
export interface Destination {
  readonly id: HostId;
  /** host:port. */
  readonly address: string;
}

export class LinkPool {
  readonly #hostId: HostId;
  readonly #slabs: SlabPool;
  readonly #credentials: Credentials | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #abort = new AbortController();

  /** With credentials it speaks TLS, and whoever answers has to be the one that was meant. */
  constructor(hostId: HostId, slabs: SlabPool, credentials?: Credentials) {
    this.#hostId = hostId;
    this.#slabs = slabs;
    this.#credentials = credentials;
  }

  /** The link to a host, dialled if there is none. Errors: `peer-unreachable`, `overloaded`. */
  get({ id, address }: Destination): Promise<PieceLink> {
    const name = nameOf({ id, address });
    const known = this.#entries.get(name);
    if (known !== undefined) {
      clearTimeout(known.idle);
      known.idle = undefined;
      return known.link;
    }
    if (this.#entries.size >= maxLinks) {
      return Promise.reject(new DragonflyError("overloaded", "too many links to other hosts"));
    }
    const credentials = this.#credentials;
    const link = PieceLink.dial(address, {
      hostId: this.#hostId,
      slabs: this.#slabs,
      signal: this.#abort.signal,
      connectTimeoutMs,
      ...(credentials === undefined ? {} : { connect: (options) => credentials.connect(options, { id }) }),
    });
    const entry: Entry = { link, idle: undefined };
    this.#entries.set(name, entry);
    const forget = (): void => {
      clearTimeout(entry.idle);
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    };
    link.then((made) => made.onClosed(forget), forget);
    return link;
  }

  /** Dials ahead of the use. */
  prepare(destination: Destination): void {
    this.get(destination).then(
      () => this.release(destination),
      () => {},
    );
  }

  /** A user of the link is done with it; the last one's leaving starts the clock. */
  async release(destination: Destination): Promise<void> {
    const entry = this.#entries.get(nameOf(destination));
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

function nameOf({ id, address }: Destination): string {
  return `${id} ${address}`;
}
