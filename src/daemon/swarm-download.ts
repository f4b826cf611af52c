// The shell of the core's Download: keeps links to its neighbours, hashes what arrives, stores it, and feeds outcomes back. Decides nothing.

import { createHash } from "node:crypto";
import { Bitset } from "../core/bitset.ts";
import { Download } from "../core/download.ts";
import type { DownloadEffect } from "../core/download-event.ts";
import { DragonflyError } from "../core/error.ts";
import type { HostId, PieceIndex } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { RateLimit } from "../core/token-bucket.ts";
import { countPieces, pieceBytes } from "../core/version.ts";
import type { ChannelHandler } from "../net/piece-channel.ts";
import type { Slab } from "../net/slab-pool.ts";
import type { Log } from "../runtime/log.ts";
import { type Finished, finishHolding } from "../store/finish-holding.ts";
import type { Store } from "../store/store.ts";
import type { FromDaemon, NeighbourAddress } from "../wire/control.ts";
import { Manifest, type ManifestPart } from "../wire/manifest.ts";
import { DownloadLoop } from "./download-loop.ts";
import type { LinkPool } from "./link-pool.ts";
import type { OriginDownload } from "./origin-download.ts";
import { type Partner, Partners } from "./partners.ts";
import type { SupernodeIdentity, SwarmNews, Task } from "./supernode-client.ts";
import type { Driver, Transfer } from "./transfer.ts";

export interface SwarmDownloadOptions {
  readonly transfer: Transfer;
  readonly store: Store;
  readonly task: Task;
  readonly supernode: SupernodeIdentity;
  readonly links: LinkPool;
  readonly limit: RateLimit;
  readonly random: Random;
  readonly log: Log;
  readonly send: (message: FromDaemon) => void;
  /** Reads the origin on this host's account; rejects with `no-source` where the user forbids it. */
  readonly openOrigin: (download: {
    readonly manifest: Manifest;
    readonly onPiece: (piece: PieceIndex) => void;
  }) => Promise<OriginDownload>;
}

const reportEveryMs = 1000;
/** The machine hears that a piece is arriving at most so often: it times stalls of half a second and more. */
const arrivingEveryMs = 100;

export class SwarmDownload implements Driver {
  readonly #options: SwarmDownloadOptions;
  readonly #transfer: Transfer;
  readonly #machine: Download;
  readonly #loop: DownloadLoop;
  readonly #manifest: Manifest;
  readonly #partners: Partners;
  readonly #writes = new Set<Promise<void>>();
  /** Held from before, by a manifest that is gone. */
  readonly #inherited: Bitset;
  #supernode: SupernodeIdentity;
  #stopped = false;
  #reporter: NodeJS.Timeout | undefined;
  #origin: OriginDownload | undefined;

  constructor(options: SwarmDownloadOptions) {
    this.#options = options;
    this.#transfer = options.transfer;
    this.#supernode = options.supernode;
    const { version } = options.transfer.holding;
    this.#manifest = new Manifest(version.id, version.pieceLength);
    this.#inherited = options.transfer.holding.held.copy();
    this.#partners = new Partners({
      version: version.id,
      links: options.links,
      log: options.log,
      handler: (partner, roundTripMs) => this.#handler(partner, roundTripMs),
      onIntroduced: ({ id, seed }) => this.#loop.tell({ type: "introduced", id, seed }),
      onLost: (partner) => this.#lost(partner),
      onSeedAway: () => this.#loop.tell({ type: "seed-away" }),
    });
    this.#machine = new Download({
      length: options.task.length,
      pieceLength: version.pieceLength,
      held: options.transfer.holding.held,
      random: options.random,
      limit: options.limit,
    });
    this.#loop = new DownloadLoop(this.#machine, (effect) => this.#perform(effect));
  }

  get rateBytesPerSecond(): number {
    return this.#machine.rateBytesPerSecond;
  }

  start(): void {
    const { task, supernode } = this.#options;
    this.#reporter = setInterval(() => this.#report(false), reportEveryMs).unref();
    this.#join(task, supernode);
  }

  /** The supernode is back and knows of this download again. */
  resume(task: Task, supernode: SupernodeIdentity): void {
    this.#supernode = supernode;
    this.#loop.tell({ type: "seed-back" });
    this.#join(task, supernode);
  }

  /** The control channel is lost; neighbours stay. */
  supernodeLost(): void {
    this.#loop.tell({ type: "seed-away" });
  }

  hear(news: SwarmNews): void {
    switch (news.type) {
      case "manifest":
        return this.#learn(news.manifest);
      case "neighbours":
        for (const neighbour of news.neighbours) this.#introduce(neighbour, false);
        return;
      case "drop":
        this.#partners.leave(news.neighbour);
        return this.#loop.tell({ type: "gone", id: news.neighbour });
      case "abandoned":
        return this.#transfer.fail(DragonflyError.fromWire(news.error));
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#loop.stop();
    clearInterval(this.#reporter);
    this.#origin?.stop();
    this.#partners.close();
    const { holding } = this.#transfer;
    if (holding.state === "complete") this.#report(true);
    else this.#options.send({ type: "leave", version: holding.version.id });
  }

  readAt(offset: number | undefined): void {
    const { pieceLength } = this.#transfer.holding.version;
    this.#loop.tell({ type: "reader", piece: offset === undefined ? undefined : Math.floor(offset / pieceLength) });
  }

  #perform(effect: DownloadEffect): void {
    const { holding } = this.#transfer;
    switch (effect.type) {
      case "request": {
        const bytes = pieceBytes(holding.version, effect.piece);
        return this.#partners.channel(effect.to)?.request(effect.piece, bytes);
      }
      case "request-any":
        return this.#partners.channel(effect.to)?.requestAny(effect.wanted, effect.wanted.words.length * 32);
      case "cancel":
        return this.#partners.channel(effect.to)?.cancel(effect.piece);
      case "more-neighbours": {
        const least = effect.least === undefined ? {} : { least: effect.least };
        const { count } = effect;
        return this.#options.send({ type: "more-neighbours", version: holding.version.id, count, ...least });
      }
      case "drop":
        return this.#partners.leave(effect.id);
      case "strike": {
        const { id: from, piece, reason } = effect;
        this.#options.log.warn("neighbour failed", { host: from, piece, reason });
        this.#options.send({ type: "piece-failed", version: holding.version.id, piece, from, reason });
        // Whoever stalled may have been cut off for a while; whoever sent rubbish is not wanted back.
        return reason === "stalled" ? this.#part(from) : undefined;
      }
      case "go-to-origin":
        return void this.#goToOrigin();
      case "complete":
        return void this.#finish();
    }
  }

  // --- the manifest

  #learn(part: ManifestPart): void {
    if (this.#stopped) return;
    try {
      if (part.batch !== undefined) {
        this.#manifest.accept(part.batch, this.#supernode.key);
        this.#checkInherited();
        for (const [from, to] of part.batch.runs) this.#loop.tell({ type: "known", from, to });
      }
      if (part.seal === undefined || this.#manifest.end !== undefined) return;
      this.#manifest.acceptSeal(part.seal, this.#supernode.key);
      this.#loop.tell({ type: "sealed", length: part.seal.length });
    } catch (error) {
      this.#transfer.fail(DragonflyError.from(error));
    }
  }

  /** Another reading of the same origin may have been broken: that one's pieces are of no use to anybody. */
  #checkInherited(): void {
    for (const piece of this.#inherited) {
      const digest = this.#manifest.digestOf(piece);
      if (digest === undefined) continue;
      this.#inherited.delete(piece);
      const own = this.#transfer.holding.pieceDigest(piece);
      if (own === undefined || Buffer.compare(own, digest) === 0) continue;
      throw new DragonflyError(
        "digest-mismatch",
        "what this host held of the content was broken and is dropped, try again",
      );
    }
  }

  // --- neighbours

  #join(task: Task, supernode: SupernodeIdentity): void {
    this.#introduce({ id: supernode.host, address: supernode.address }, true);
    for (const neighbour of task.neighbours) this.#introduce(neighbour, false);
    this.#learn(task.manifest);
  }

  #introduce({ id, address }: NeighbourAddress, seed: boolean): void {
    // One that cannot be dialled dials us.
    if (address !== null) this.#partners.introduce({ id, address, seed });
  }

  #lost({ id, seed }: Partner): void {
    this.#loop.tell({ type: "gone", id });
    if (!seed) this.#part(id);
  }

  /** The supernode may introduce it again when it has nobody better. */
  #part(neighbour: HostId): void {
    this.#options.send({ type: "parted", version: this.#transfer.holding.version.id, neighbour });
  }

  #handler({ id, seed }: Partner, roundTripMs: () => number | undefined): Omit<ChannelHandler, "refused" | "closed"> {
    let heardAtMs = 0;
    return {
      bitmap: (held, complete) => {
        if (seed) this.#loop.tell({ type: "seed-back" });
        this.#loop.tell({ type: "bitmap", id, held: complete ? this.#everything() : held, rttMs: roundTripMs() });
      },
      have: (pieces) => this.#loop.tell({ type: "have", id, pieces }),
      granted: (piece) => this.#loop.tell({ type: "granted", id, piece }),
      progress: (piece) => {
        const now = performance.now();
        if (now - heardAtMs < arrivingEveryMs) return;
        heardAtMs = now;
        this.#loop.tell({ type: "arriving", id, piece });
      },
      piece: (piece, slab) => this.#arrived(id, piece, slab),
      busy: (piece, retryAfterMs) => this.#loop.tell({ type: "busy", id, piece, retryAfterMs }),
      notHeld: (piece) => this.#loop.tell({ type: "not-held", id, piece }),
    };
  }

  /** All pieces, as far as this host knows how many there are. */
  #everything(): Bitset {
    const { length, pieceLength } = this.#transfer.holding.version;
    const known = this.#manifest.end?.length ?? length;
    const all = new Bitset();
    if (known !== null) all.addRange(0, countPieces(known, pieceLength));
    else for (const piece of this.#manifest.known) all.add(piece);
    return all;
  }

  // --- pieces

  #arrived(id: HostId, piece: PieceIndex, slab: Slab): void {
    const expected = this.#manifest.digestOf(piece);
    const digest = createHash("sha256").update(slab.bytes).digest();
    if (expected === undefined || !digest.equals(expected)) {
      slab.release();
      return this.#loop.tell({ type: "corrupt", id, piece });
    }
    const source = this.#partners.get(id)?.seed === true ? "supernode" : "peers";
    this.#transfer.gained(source, slab.bytes.length, id);
    const write = this.#transfer.holding.write(piece, slab.bytes, digest).then(
      () => slab.release(),
      (error: unknown) => {
        slab.release();
        this.#transfer.fail(DragonflyError.from(error));
      },
    );
    this.#writes.add(write);
    void write.then(() => this.#writes.delete(write));
    this.#loop.tell({ type: "verified", id, piece });
  }

  async #finish(): Promise<void> {
    try {
      await Promise.all(this.#writes);
      const end = this.#manifest.end;
      if (end === undefined || this.#stopped) return;
      await this.#complete({ length: end.length, sha256: end.digest ?? undefined });
      this.#transfer.succeed();
    } catch (error) {
      this.#transfer.fail(DragonflyError.from(error));
    }
  }

  async #goToOrigin(): Promise<void> {
    const { holding } = this.#transfer;
    try {
      this.#origin = await this.#options.openOrigin({
        manifest: this.#manifest,
        onPiece: (piece) => this.#loop.tell({ type: "fetched", piece }),
      });
      if (this.#stopped) return this.#origin.stop();
      const result = await this.#origin.run();
      if (this.#stopped) return;
      await Promise.all(this.#writes);
      if (holding.state !== "complete") await this.#complete(result);
      this.#transfer.succeed();
    } catch (error) {
      if (!this.#stopped) this.#transfer.fail(DragonflyError.from(error));
    }
  }

  #complete(finished: Finished): Promise<void> {
    return finishHolding(this.#options.store, this.#transfer.holding, finished);
  }

  #report(complete: boolean): void {
    const { holding, from } = this.#transfer;
    const { version, held } = holding;
    this.#options.send({ type: "progress", version: version.id, heldPieces: held.count, from, complete });
  }
}
