// The serving side of all peer links of a host: takes over upgraded connections, shares one uplink among them, and ends them.
// Listening, TLS and who may ask for what are others' business.

import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { UploadLimits, UploadQueue } from "../core/upload-queue.ts";
import { maxChannels, maxRequests } from "./piece-link.ts";
import { PieceSender } from "./piece-sender.ts";
import { ServedLink } from "./piece-served-link.ts";
import { requesterOf, upgradeAccepted, upgradeRefused } from "./piece-upgrade.ts";
import type { Servable } from "./piece-upload.ts";
import type { RateGate } from "./rate-gate.ts";
import type { SlabPool } from "./slab-pool.ts";

export type { Servable } from "./piece-upload.ts";

export interface PieceServerOptions {
  /** What to serve of a version to this host, or why not. */
  readonly find: (version: VersionId, requester: HostId) => Servable | DragonflyError;
  /** Whether a connection is this host's; every one is believed by default. */
  readonly isFrom?: (socket: Duplex, requester: HostId) => boolean;
  readonly slabs: SlabPool;
  readonly uploadLimits: UploadLimits;
  /** The host's upload limit, shared by all links. */
  readonly gate: RateGate;
  /** Milliseconds; never goes back. */
  readonly now: () => number;
  /** Told of each part handed to the kernel. */
  readonly onSent?: (version: VersionId, requester: HostId, bytes: number) => void;
  readonly maxLinks?: number;
  /** A receiver that takes nothing of what it asked for in this time loses its link. */
  readonly stallMs?: number;
}

const keepAliveMs = 15_000;

export class PieceServer {
  readonly #options: PieceServerOptions;
  readonly #sender: PieceSender;
  readonly #links = new Map<Duplex, ServedLink>();
  /** Links with news; when the first of them is due, all tell, which wakes this process once. */
  readonly #news = new Set<ServedLink>();
  #newsTimer: NodeJS.Timeout | undefined;
  #newsDueMs = Number.POSITIVE_INFINITY;
  #closed = false;
  #allClosed: (() => void) | undefined;

  constructor(options: PieceServerOptions) {
    this.#options = options;
    const { slabs, gate, now, uploadLimits: limits, stallMs = 30_000 } = options;
    this.#sender = new PieceSender({ slabs, limits, gate, now, stallMs });
  }

  get links(): number {
    return this.#links.size;
  }

  /** Pieces promised and not known to have arrived, and how fast they go. */
  get queue(): Pick<UploadQueue, "pieces" | "bytes" | "rateBytesPerSecond"> {
    return this.#sender.queue;
  }

  /** Takes over a connection after an HTTP server's `upgrade` event, and answers it, if only with a refusal. */
  attach(request: Pick<IncomingMessage, "headers">, socket: Duplex, head: Buffer): void {
    const requester = requesterOf(request.headers);
    if (requester === undefined) return refuse(socket, upgradeRefused("400 Bad Request"));
    if (this.#options.isFrom?.(socket, requester) === false) return refuse(socket, upgradeRefused("403 Forbidden"));
    if (this.#closed || this.#links.size >= (this.#options.maxLinks ?? 16_384)) {
      return refuse(socket, upgradeRefused("503 Service Unavailable"));
    }
    if (socket instanceof Socket) socket.setNoDelay(true).setKeepAlive(true, keepAliveMs).setTimeout(0);
    socket.write(upgradeAccepted);
    socket.once("close", () => {
      this.#links.delete(socket);
      this.#sender.left();
      this.#news.delete(link);
      if (this.#links.size === 0) this.#allClosed?.();
    });
    const link: ServedLink = new ServedLink(socket, head, {
      requester,
      sender: this.#sender,
      maxChannels,
      maxRequests,
      find: this.#options.find,
      announce: (teller, dueMs) => this.#announce(teller, dueMs),
      now: this.#options.now,
      sent: (version, host, bytes) => this.#options.onSent?.(version, host, bytes),
    });
    this.#links.set(socket, link);
    this.#sender.joined();
  }

  /** The version is no longer served: its channels are refused and what was promised of it is dropped. */
  withdraw(version: VersionId): void {
    const error = new DragonflyError("not-found", "the version is no longer held here");
    for (const link of this.#links.values()) link.withdraw(version, error);
  }

  /** The same for one host, which `find` gives the version no more. */
  withdrawFrom(host: HostId, version: VersionId): void {
    const error = new DragonflyError("not-allowed", "the host was dropped");
    for (const link of this.#links.values()) if (link.requester === host) link.withdraw(version, error);
  }

  /** Ends the links of a host that is let in no more. */
  expel(host: HostId): void {
    for (const link of this.#links.values()) if (link.requester === host) link.end("this host is let in no more");
  }

  /** Ends all links; resolves when they are closed and the store is read no more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#newsTimer);
    for (const link of this.#links.values()) link.end("the host leaves");
    await this.#sender.close();
    if (this.#links.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
  }

  #announce(link: ServedLink, dueMs: number): void {
    if (this.#closed) return;
    this.#news.add(link);
    if (dueMs >= this.#newsDueMs) return;
    clearTimeout(this.#newsTimer);
    this.#newsDueMs = dueMs;
    this.#newsTimer = setTimeout(() => this.#tellNews(), dueMs - this.#options.now());
  }

  #tellNews(): void {
    this.#newsDueMs = Number.POSITIVE_INFINITY;
    for (const link of this.#news) link.tellNews();
    this.#news.clear();
  }
}

function refuse(socket: Duplex, answer: string): void {
  socket.on("error", () => {});
  socket.end(answer, () => socket.destroy());
}
