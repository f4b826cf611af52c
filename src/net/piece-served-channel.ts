// One version that a dialler has opened on a link: tells it what this host holds and gains. Without a holding it was refused, and waits
// for the dialler to close it.

import type { PieceIndex, VersionId } from "../core/ids.ts";
import { News } from "../core/news.ts";
import { countPieces } from "../core/version.ts";
import { type Frame, maxHaveBatch } from "../wire/frame.ts";
import type { Servable } from "./piece-upload.ts";

/** What a channel needs of its link. */
export interface NewsLink {
  /** So much is unsent that news only add to it. */
  readonly behind: boolean;
  send(frame: Frame): void;
  now(): number;
  /** There are news: `flush` by then, or when something else is sent. */
  announce(channel: ServedChannel, dueMs: number): void;
}

export class ServedChannel {
  readonly number: number;
  readonly version: VersionId;
  readonly holding: Servable | undefined;
  readonly #link: NewsLink;
  readonly #news: News;
  /** Single news were dropped: a bitmap is due. */
  #stale = false;
  #stop: (() => void) | undefined;

  constructor(number: number, version: VersionId, holding: Servable | undefined, link: NewsLink) {
    this.number = number;
    this.version = version;
    this.holding = holding;
    this.#link = link;
    this.#news = new News(link.now());
    if (holding === undefined) return;
    this.#stop = holding.onGained((piece) => this.#gained(piece));
    this.#sendBitmap(holding);
  }

  get stale(): boolean {
    return this.#stale;
  }

  /** Sends what is new, all of it by one bitmap when the reader had fallen behind; nothing while it still is. */
  flush(): void {
    if (this.holding === undefined || this.#stop === undefined) return;
    if (this.#link.behind) {
      this.#stale = true;
      this.#news.take();
      return;
    }
    const news = this.#news.take();
    if (this.#stale) this.#sendBitmap(this.holding);
    else if (news.length > 0) this.#link.send({ type: "have", channel: this.number, pieces: news });
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#news.take();
  }

  #gained(piece: PieceIndex): void {
    if (this.#stale) return;
    const dueMs = this.#news.add(piece, this.#link.now());
    this.#link.announce(this, dueMs);
    if (this.#news.count < maxHaveBatch) return;
    this.#stale = true;
    this.#news.take();
  }

  #sendBitmap(holding: Servable): void {
    this.#stale = false;
    const { held, complete, version } = holding;
    const pieceCount =
      version.length === null ? held.words.length * 32 : countPieces(version.length, version.pieceLength);
    this.#link.send({ type: "bitmap", channel: this.number, complete, held, pieceCount });
  }
}
