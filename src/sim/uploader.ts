// The sending side of a simulated node, host or seed: production's upload queue and, at a seed, production's choice of pieces; around
// them only what the piece server does with sockets.

import { Bitset } from "../core/bitset.ts";
import { type Gift, Giving } from "../core/giving.ts";
import type { PieceIndex } from "../core/ids.ts";
import { News } from "../core/news.ts";
import type { Random } from "../core/random.ts";
import { hostUploadLimits, type Refusal, seedUploadLimits, UploadQueue } from "../core/upload-queue.ts";
import { pieceBytes } from "../core/version.ts";
import { eventKind } from "./event-kind.ts";
import type { World } from "./world.ts";

export class Uploader {
  readonly held = new Bitset();
  alive = true;
  refusals = 0;
  readonly #world: World;
  readonly #node: number;
  readonly #queue: UploadQueue;
  /** A seed's. */
  readonly #giving: Giving | undefined;
  /** Who has dialled this node and hears what it gains. */
  readonly #listeners: number[] = [];
  #news: News | undefined;
  #newsDueMs = Number.POSITIVE_INFINITY;

  constructor(world: World, node: number, options: { readonly seed: boolean; readonly random: Random }) {
    this.#world = world;
    this.#node = node;
    this.#queue = new UploadQueue(options.seed ? seedUploadLimits : hostUploadLimits);
    if (options.seed) this.#giving = new Giving(options.random);
  }

  get listeners(): readonly number[] {
    return this.#listeners;
  }

  /** Of a seed: pieces that it gave, each counted once. */
  get distinctGiven(): number {
    return this.#giving?.distinct ?? 0;
  }

  dialled(by: number): void {
    if (!this.alive) return;
    this.#listeners.push(by);
    const { queue, latencyMs } = this.#world;
    this.#queue.joined(queue.timeMs);
    const held = this.#giving === undefined ? this.held.copy() : new Bitset();
    queue.pushWith(queue.timeMs + latencyMs, eventKind.bitmap, [by, this.#node], held);
  }

  hungUp(by: number): void {
    const at = this.#listeners.indexOf(by);
    if (at >= 0) {
      this.#listeners.splice(at, 1);
      this.#queue.left();
    }
    const { network } = this.#world;
    for (const transfer of network.line(this.#node)) {
      if (network.transfers.to[transfer] === by) this.#cancel(transfer);
    }
  }

  requested(by: number, piece: number, wanted: Bitset | undefined): void {
    if (!this.alive) return;
    const { queue, network, file, latencyMs } = this.#world;
    if (wanted === undefined && !this.#world.holds(this.#node, piece))
      return this.#world.tell(eventKind.notHeld, by, this.#node, piece);
    const gift = wanted === undefined ? this.#gift(piece) : this.#giving?.choose(wanted, this.held);
    const asker = this.#giving === undefined ? undefined : this.#world.id(by);
    if (gift === undefined) return this.#refuse(by, piece, this.#queue.refuse(queue.timeMs, asker));
    const bytes = pieceBytes(file, gift.piece);
    const admission = this.#queue.admit(bytes, queue.timeMs, { fresh: gift.fresh, asker, rttMs: 2 * latencyMs });
    if (!admission.admitted) return this.#refuse(by, piece, admission);
    if (piece < 0) this.#world.tell(eventKind.granted, by, this.#node, gift.piece);
    this.#giving?.promise(gift.piece);
    network.send([this.#node, by], gift.piece, bytes, gift.fresh);
  }

  cancelled(by: number, piece: number): void {
    const transfer = this.#world.network.find(this.#node, by, piece);
    if (transfer >= 0) this.#cancel(transfer);
  }

  /** The receiver has all of it. */
  taken(transfer: number): void {
    const { transfers } = this.#world.network;
    this.#giving?.kept(transfers.piece[transfer] as number);
    this.#queue.sent(transfers.bytes[transfer] as number, this.#world.nowMs, transfers.fresh[transfer] === 1);
  }

  /** Of a seed: it was read from the origin. The manifest tells. */
  landed(piece: PieceIndex): void {
    this.held.add(piece);
    this.#world.gained(this.#node, piece);
  }

  gained(piece: PieceIndex): void {
    this.landed(piece);
    const { queue } = this.#world;
    this.#news ??= new News(queue.timeMs);
    const dueMs = this.#news.add(piece, queue.timeMs);
    if (dueMs >= this.#newsDueMs) return;
    this.#newsDueMs = dueMs;
    queue.push(dueMs, eventKind.news, this.#node);
  }

  /** Tells the listeners, unless that was done early. */
  tellNews(): void {
    const { queue, latencyMs } = this.#world;
    if (queue.timeMs < this.#newsDueMs) return;
    this.#newsDueMs = Number.POSITIVE_INFINITY;
    queue.pushWith(queue.timeMs + latencyMs, eventKind.have, [this.#node, 0], this.#news?.take() ?? []);
  }

  die(): void {
    this.alive = false;
    const { network } = this.#world;
    for (const transfer of network.line(this.#node)) network.cancel(transfer);
  }

  #gift(piece: PieceIndex): Gift {
    return { piece, fresh: this.#giving?.isFresh(piece) ?? false };
  }

  #refuse(by: number, piece: number, { retryAfterMs }: Refusal): void {
    this.refusals++;
    const { queue, latencyMs } = this.#world;
    queue.push(queue.timeMs + latencyMs, eventKind.busy, by, this.#node, piece, retryAfterMs);
  }

  #cancel(transfer: number): void {
    const { network } = this.#world;
    const { bytes, fresh, piece } = network.transfers;
    this.#queue.cancelled(bytes[transfer] as number, fresh[transfer] === 1);
    this.#giving?.broken(piece[transfer] as number);
    network.cancel(transfer);
  }
}
