// The hosts that one download exchanges with, as connections: dials those that were introduced, tries again where that may help, and tells
// which are lost. A neighbour that is lost is the supernode's to replace; the seed is dialled again for as long as the download runs.

import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { Channel, ChannelHandler } from "../net/piece-channel.ts";
import type { Log } from "../runtime/log.ts";
import type { LinkPool } from "./link-pool.ts";

export interface Partner {
  readonly id: HostId;
  readonly address: string;
  readonly seed: boolean;
}

export interface PartnersOptions {
  readonly version: VersionId;
  readonly links: LinkPool;
  readonly log: Log;
  /** What to do with what comes from a partner; its ends are heard here. */
  readonly handler: (
    partner: Partner,
    roundTripMs: () => number | undefined,
  ) => Omit<ChannelHandler, "refused" | "closed">;
  readonly onIntroduced: (partner: Partner) => void;
  /** It cannot be reached, refuses, or its link broke: then it was `reached`. */
  readonly onLost: (partner: Partner, reached: boolean) => void;
  /** The seed was dialled again and again in vain. */
  readonly onSeedAway: () => void;
}

interface Entry extends Partner {
  channel: Channel | undefined;
  refusals: number;
  /** It has told what it holds. */
  open: boolean;
}

/** Refusals of a neighbour that is still making room for the version, and the first pause after one; each is twice as long as the last. */
const maxRefusals = 6;
const firstRefusalMs = 50;
const firstRedialMs = 200;
const maxRedialMs = 5000;
/** So many attempts in a row before the seed counts as away: a supernode that is merely busy must not send everybody to the origin. */
const patientRedials = 5;

export class Partners {
  readonly #options: PartnersOptions;
  readonly #entries = new Map<HostId, Entry>();
  #redial: NodeJS.Timeout | undefined;
  #redials = 0;
  #closed = false;

  constructor(options: PartnersOptions) {
    this.#options = options;
  }

  get(id: HostId): Partner | undefined {
    return this.#entries.get(id);
  }

  channel(id: HostId): Channel | undefined {
    return this.#entries.get(id)?.channel;
  }

  introduce(partner: Partner): void {
    if (this.#closed || this.#entries.has(partner.id)) return;
    const entry: Entry = { channel: undefined, refusals: 0, open: false, ...partner };
    this.#entries.set(partner.id, entry);
    this.#options.onIntroduced(partner);
    void this.#connect(entry);
  }

  /** Ends the exchange with one of them. No-op for a stranger. */
  leave(id: HostId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    entry.channel?.close();
    void this.#options.links.release(entry);
  }

  /** Another is the seed from here on: whoever was is dialled no more. */
  leaveSeeds(): void {
    clearTimeout(this.#redial);
    this.#redials = 0;
    for (const { id, seed } of [...this.#entries.values()]) if (seed) this.leave(id);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#redial);
    for (const id of [...this.#entries.keys()]) this.leave(id);
  }

  async #connect(entry: Entry): Promise<void> {
    const { links, version, handler, log } = this.#options;
    try {
      const link = await links.get(entry);
      if (this.#entries.get(entry.id) !== entry) return void links.release(entry);
      const heard = handler(entry, () => link.roundTripMs);
      entry.channel = link.open(version, {
        ...heard,
        bitmap: (held, complete) => {
          entry.open = true;
          if (entry.seed) this.#redials = 0;
          heard.bitmap(held, complete);
        },
        refused: (error) => this.#refused(entry, error),
        closed: () => this.#lose(entry),
      });
    } catch (error) {
      log.debug("cannot reach host", {
        host: entry.id,
        address: entry.address,
        error: DragonflyError.from(error).message,
      });
      this.#lose(entry);
    }
  }

  /** Two hosts are introduced at the same moment, so the other may not have heard, or still be making room for the version. */
  #refused(entry: Entry, error: DragonflyError): void {
    if (this.#entries.get(entry.id) !== entry) return;
    const early = !entry.open && (error.code === "not-found" || error.code === "not-allowed");
    if (!early || entry.refusals >= maxRefusals) return this.#lose(entry);
    entry.channel = undefined;
    setTimeout(
      () => {
        if (this.#entries.get(entry.id) === entry) void this.#connect(entry);
      },
      firstRefusalMs * 2 ** entry.refusals++,
    ).unref();
  }

  #lose(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    const reached = entry.channel !== undefined;
    this.leave(entry.id);
    this.#options.onLost(entry, reached);
    if (!entry.seed || this.#closed) return;
    clearTimeout(this.#redial);
    if (this.#redials >= patientRedials) this.#options.onSeedAway();
    const pauseMs = Math.min(maxRedialMs, firstRedialMs * 2 ** Math.min(this.#redials++, 10));
    this.#redial = setTimeout(() => this.introduce(entry), pauseMs);
  }
}
