// One simulated host: production's download, with the effects performed as messages in virtual time. It decides nothing.

import { Bitset } from "../core/bitset.ts";
import { Download } from "../core/download.ts";
import type { DownloadEffect, DownloadEvent, PieceFault } from "../core/download-event.ts";
import type { HostId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { eventKind } from "./event-kind.ts";
import type { Uploader } from "./uploader.ts";
import type { World } from "./world.ts";

export class SimHost {
  readonly uploader: Uploader;
  download: Download | undefined;
  joinedMs = 0;
  /** Infinity until then. */
  completeMs = Number.POSITIVE_INFINITY;
  /** When half of the file could be read in order. */
  halfReadableMs = Number.POSITIVE_INFINITY;
  fromSeedBytes = 0;
  readonly #world: World;
  readonly #node: number;
  readonly #random: Random;
  readonly #dialled = new Set<number>();
  #prefix = 0;

  constructor(world: World, node: number, uploader: Uploader, random: Random) {
    this.#world = world;
    this.#node = node;
    this.uploader = uploader;
    this.#random = random;
  }

  get alive(): boolean {
    return this.uploader.alive;
  }

  /** Those that this host has dialled. */
  get dialled(): ReadonlySet<number> {
    return this.#dialled;
  }

  admitted(knownPieces: number, seeds: readonly HostId[], reads: boolean): void {
    const { file } = this.#world;
    this.download = new Download({
      length: file.length,
      pieceLength: file.pieceLength,
      held: new Bitset(),
      random: this.#random,
    });
    if (reads) this.step({ type: "reader", piece: 0 });
    this.known(0, knownPieces);
    for (const id of seeds) this.#introduced(id, true);
  }

  /** The manifest has grown to `to`. */
  known(from: number, to: number): void {
    if (to > from) this.step({ type: "known", from, to });
    const { file } = this.#world;
    if (to === file.pieces) this.step({ type: "sealed", length: file.length });
  }

  introduced(ids: readonly HostId[]): void {
    for (const id of ids) this.#introduced(id, false);
  }

  /** The other end of a relation is no more, or no more ours. */
  lost(id: HostId): void {
    this.step({ type: "gone", id });
    this.#hangUp(this.#world.number(id));
  }

  step(event: DownloadEvent): void {
    const { download } = this;
    if (download === undefined) return;
    const effects = download.step(event, this.#world.nowMs);
    for (let at = 0; at < effects.length; at++) this.#perform(effects[at] as DownloadEffect);
    this.#world.alarms.want(this.#node, download.nextWake());
  }

  die(): void {
    this.uploader.die();
    this.download = undefined;
    this.#world.alarms.want(this.#node, Number.POSITIVE_INFINITY);
  }

  arrived(from: number, piece: number, whole: boolean): void {
    if (this.download === undefined || this.#world.holds(this.#node, piece)) return;
    const id = this.#world.id(from);
    if (!whole) return this.step({ type: "corrupt", id, piece });
    this.uploader.gained(piece);
    this.#advance();
    this.step({ type: "verified", id, piece });
  }

  #advance(): void {
    const { held } = this.uploader;
    while (held.has(this.#prefix)) this.#prefix++;
    const half = this.#world.file.pieces / 2;
    if (this.#prefix >= half && this.halfReadableMs > this.#world.nowMs) this.halfReadableMs = this.#world.nowMs;
  }

  #introduced(id: HostId, seed: boolean): void {
    const node = this.#world.number(id);
    if (this.#dialled.has(node) || this.download?.state === "complete") return;
    this.step({ type: "introduced", id, seed });
    this.#dialled.add(node);
    // Three ways for the handshake of the connection and the opening of the channel; the bitmap is the fourth.
    const { queue, latencyMs } = this.#world;
    queue.push(queue.timeMs + 3 * latencyMs, eventKind.dial, node, this.#node);
  }

  #hangUp(node: number): void {
    if (this.#dialled.delete(node)) this.#world.tell(eventKind.hangUp, node, this.#node);
  }

  #perform(effect: DownloadEffect): void {
    const world = this.#world;
    switch (effect.type) {
      case "request":
        return world.tell(eventKind.request, world.number(effect.to), this.#node, effect.piece);
      case "request-any": {
        const ends = [world.number(effect.to), this.#node] as const;
        return world.queue.pushWith(world.nowMs + world.latencyMs, eventKind.request, ends, effect.wanted);
      }
      case "cancel":
        return world.tell(eventKind.cancel, world.number(effect.to), this.#node, effect.piece);
      case "drop":
        return this.#hangUp(world.number(effect.id));
      case "complete":
        return this.#complete();
      case "more-neighbours":
        return this.#tellScheduler({ type: "more-neighbours", count: effect.count, least: effect.least });
      case "strike":
        return this.#tellScheduler({
          type: "strike",
          host: effect.id,
          by: world.id(this.#node),
          reason: effect.reason,
        });
      case "doubt":
      case "go-to-origin":
      case "read-first":
        return;
    }
  }

  #complete(): void {
    this.completeMs = this.#world.nowMs;
    for (const node of [...this.#dialled]) this.#hangUp(node);
    const from = { peers: 0, supernode: this.fromSeedBytes, origin: 0 };
    this.#tellScheduler({ type: "progress", heldPieces: this.uploader.held.count, from, complete: true });
  }

  #tellScheduler(
    event:
      | { readonly type: "more-neighbours"; readonly count: number; readonly least: HostId | undefined }
      | {
          readonly type: "strike";
          readonly host: HostId;
          readonly by: HostId;
          readonly reason: PieceFault;
        }
      | {
          readonly type: "progress";
          readonly heldPieces: number;
          readonly from: { readonly peers: number; readonly supernode: number; readonly origin: number };
          readonly complete: boolean;
        },
  ): void {
    const { version } = this.#world.file;
    this.#world.tellScheduler(this.#node, { host: this.#world.id(this.#node), version, ...event });
  }
}
