// The shell of the core's Download: keeps links to its neighbours, hashes what arrives, stores it, and feeds outcomes back. Decides nothing.

import { Bitset } from "../core/bitset.ts";
import { Download } from "../core/download.ts";
import type { DownloadEffect } from "../core/download-event.ts";
import { DragonflyError } from "../core/error.ts";
import type { HostId, PieceIndex } from "../core/ids.ts";
import type { OriginPart } from "../core/origin-turns.ts";
import type { Random } from "../core/random.ts";
import type { RateLimit } from "../core/token-bucket.ts";
import { countPieces, pieceBytes } from "../core/version.ts";
import type { ChannelHandler } from "../net/piece-channel.ts";
import type { Slab } from "../net/slab-pool.ts";
import type { Log } from "../runtime/log.ts";
import { type Finished, finishHolding } from "../store/finish-holding.ts";
import type { Store } from "../store/store.ts";
import type { FromDaemon, NeighbourAddress, SignedPart } from "../wire/control.ts";
import { type ManifestPart, runsOf } from "../wire/manifest.ts";
import { DownloadLoop } from "./download-loop.ts";
import type { Sight } from "./download-watch.ts";
import type { LinkPool } from "./link-pool.ts";
import { type Partner, Partners } from "./partners.ts";
import { PieceIntake } from "./piece-intake.ts";
import { ProgressReports } from "./progress-reports.ts";
import { type OpenOrigin, SharedOrigin } from "./shared-origin.ts";
import { SignedManifest } from "./signed-manifest.ts";
import type { SupernodeIdentity, SwarmNews, Task } from "./supernode-link.ts";
import type { Driver, Transfer } from "./transfer.ts";

export interface SwarmDownloadOptions {
  /** This host. */
  readonly host: HostId;
  readonly transfer: Transfer;
  readonly store: Store;
  readonly task: Task;
  readonly supernode: SupernodeIdentity;
  readonly links: LinkPool;
  readonly limit: RateLimit;
  readonly random: Random;
  readonly log: Log;
  /** To the task's home. */
  readonly send: (message: FromDaemon, home: HostId) => void;
  /** Some or all of the version is here. */
  readonly holds: (home: HostId, complete: boolean) => void;
  /** Nothing of it comes any more, and it is not whole. */
  readonly leave: () => void;
  /** A supernode sent what it did not sign. */
  readonly refuse: (supernode: HostId, error: DragonflyError) => void;
  readonly openOrigin: OpenOrigin;
}

function corruptSeed(): DragonflyError {
  return new DragonflyError("piece-corrupt", "the supernode sent a piece that is not what it signed");
}

/** A disk that keeps up leaves fewer pieces waiting. */
const manyWrites = 8;
/** The machine hears that a piece is arriving at most so often: it times stalls of half a second and more. */
const arrivingEveryMs = 100;

export class SwarmDownload implements Driver {
  readonly #options: SwarmDownloadOptions;
  readonly #transfer: Transfer;
  readonly #machine: Download;
  readonly #loop: DownloadLoop;
  readonly #manifest: SignedManifest;
  readonly #partners: Partners;
  readonly #intake: PieceIntake;
  #supernode: SupernodeIdentity;
  #supernodeUp = true;
  #isolated: boolean;
  /** Supernodes that sent what they did not sign, once. */
  readonly #refused = new Set<HostId>();
  /** By partner: of the piece that is on its way from it. */
  readonly #arriving = new Map<HostId, { bytes: number }>();
  #stopped = false;
  readonly #reports: ProgressReports;
  readonly #origin: SharedOrigin;

  constructor(options: SwarmDownloadOptions) {
    this.#options = options;
    this.#transfer = options.transfer;
    this.#supernode = options.supernode;
    this.#isolated = options.task.isolated === true;
    const { version } = options.transfer.holding;
    this.#manifest = new SignedManifest(version.id, version.pieceLength);
    this.#intake = new PieceIntake(options.transfer, this.#manifest);
    this.#reports = new ProgressReports(options.transfer, (report) => this.#send(report));
    this.#origin = new SharedOrigin(() =>
      options.openOrigin({
        manifest: this.#manifest,
        onPiece: (piece) => this.#loop.tell({ type: "fetched", piece }),
      }),
    );
    this.#partners = new Partners({
      version: version.id,
      links: options.links,
      log: options.log,
      handler: (partner, roundTripMs) => this.#handler(partner, roundTripMs),
      onIntroduced: ({ id, seed }) => this.#loop.tell({ type: "introduced", id, seed }),
      onLost: (partner, reached) => this.#lost(partner, reached),
      onSeedAway: () => this.#loop.tell({ type: "seed-away" }),
    });
    this.#machine = new Download({
      length: options.task.length,
      pieceLength: version.pieceLength,
      held: options.transfer.holding.held,
      self: options.host,
      random: options.random,
      limit: options.limit,
    });
    this.#loop = new DownloadLoop(this.#machine, (effect) => this.#perform(effect));
  }

  get rateBytesPerSecond(): number {
    return this.#machine.rateBytesPerSecond;
  }

  sight(nowMs: number): Sight {
    const { writing } = this.#intake;
    let arrivingBytes = 0;
    for (const { bytes } of this.#arriving.values()) arrivingBytes += bytes;
    return {
      moment: this.#machine.moment(nowMs),
      diskBehind: writing > manyWrites || (writing > 0 && this.#machine.state === "complete"),
      arrivingBytes,
      supernode: this.#supernodeUp ? "up" : "away",
      isolated: this.#isolated,
    };
  }

  /** Of the supernode that this download registered at last. */
  get home(): HostId {
    return this.#supernode.host;
  }

  /** What supernodes signed of the version, as it came. */
  get signed(): readonly SignedPart[] {
    return this.#manifest.signed;
  }

  start(): void {
    const { task, supernode } = this.#options;
    this.#reports.start();
    this.#join(task, supernode);
  }

  /** A supernode knows of this download again: the one that was lost, or the next home. */
  resume(task: Task, supernode: SupernodeIdentity): void {
    if (this.#stopped) return;
    if (supernode.host !== this.#supernode.host) {
      this.#send({ type: "leave", version: task.version, moved: true });
      this.#partners.leaveSeeds();
      this.#loop.tell({ type: "gone", id: this.#supernode.host });
    }
    this.#supernode = supernode;
    this.#supernodeUp = true;
    this.#isolated = task.isolated === true;
    this.#loop.tell({ type: "seed-back" });
    this.#join(task, supernode);
  }

  /** No supernode knows of this download any more; neighbours stay. */
  supernodeLost(): void {
    this.#supernodeUp = false;
    this.#loop.tell({ type: "seed-away" });
  }

  /** Whichever supernode says it: one that came back introduces those who turn to it. */
  hear(news: SwarmNews, supernode: SupernodeIdentity): void {
    switch (news.type) {
      case "manifest":
        return this.#learn(news.manifest, supernode);
      case "neighbours":
        this.#isolated = false;
        for (const neighbour of news.neighbours) this.#introduce(neighbour, false);
        return;
      case "watch":
        if (!this.#stopped) this.#reports.watch(news.everyMs);
        return;
      case "drop":
        this.#dropped(news.neighbour, news.reason);
        this.#partners.leave(news.neighbour);
        return this.#loop.tell({ type: "gone", id: news.neighbour });
      case "abandoned":
        if (supernode.host !== this.home) return;
        return this.#transfer.fail(DragonflyError.fromWire(news.error));
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#loop.stop();
    this.#reports.stop();
    this.#origin.stop();
    this.#partners.close();
    const { holding } = this.#transfer;
    if (holding.state === "complete") this.#reports.report(true);
    else this.#options.leave();
  }

  readAt(offset: number | undefined, last = Number.POSITIVE_INFINITY): void {
    const { pieceLength } = this.#transfer.holding.version;
    const piece = offset === undefined ? undefined : Math.floor(offset / pieceLength);
    this.#loop.tell({ type: "reader", piece, last: Math.floor(last / pieceLength) });
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
        return this.#send({ type: "more-neighbours", version: holding.version.id, count, ...least });
      }
      case "drop":
        return this.#partners.leave(effect.id);
      case "strike": {
        const { id: from, piece, reason } = effect;
        if (from === this.home) return this.#refuse(from, corruptSeed());
        this.#options.log.warn("neighbour failed", { host: from, piece, reason });
        this.#transfer.watch?.dropped(from, reason);
        this.#send({ type: "piece-failed", version: holding.version.id, piece, from, reason });
        // Whoever stalled may have been cut off for a while; whoever sent rubbish is not wanted back.
        return reason === "stalled" ? this.#part(from) : undefined;
      }
      case "doubt":
        return this.#send({ type: "doubt", host: effect.id });
      case "starving":
        return this.#send({ type: "starving", version: holding.version.id, pieces: runsOf(effect.pieces) });
      case "read-first":
        return this.#send({ type: "read-first", version: holding.version.id, from: effect.from, to: effect.to });
      case "go-to-origin":
        return void this.#goToOrigin(effect);
      case "complete":
        return void this.#finish();
    }
  }

  // --- the manifest

  #learn(part: ManifestPart, supernode: SupernodeIdentity): void {
    if (this.#stopped) return;
    try {
      const { runs, sealed } = this.#manifest.learn(part, supernode);
      for (const [from, to] of runs) {
        this.#intake.check(from, to);
        this.#loop.tell({ type: "known", from, to });
      }
      const { end } = this.#manifest;
      if (sealed && end !== undefined) this.#loop.tell({ type: "sealed", length: end.length });
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.code === "protocol-violation") this.#refuse(supernode.host, error);
      else this.#transfer.fail(this.#contradiction(error));
    }
  }

  /** What was altered on its way comes right when it is asked for anew; what comes so twice was not altered on its way. */
  #refuse(supernode: HostId, error: DragonflyError): void {
    const again = this.#refused.has(supernode);
    this.#refused.add(supernode);
    this.#options.refuse(supernode, error);
    if (again) this.#transfer.fail(error);
  }

  /** What a digest names does not change: where two readings of it differ, one was broken. */
  #contradiction(error: DragonflyError): DragonflyError {
    if (error.code !== "origin-changed" || this.#transfer.holding.version.digest === undefined) return error;
    return new DragonflyError("digest-mismatch", "a broken copy of the content was on its way here", { cause: error });
  }

  // --- neighbours

  #join(task: Task, supernode: SupernodeIdentity): void {
    this.#options.holds(supernode.host, false);
    this.#introduce({ id: supernode.host, address: supernode.address }, true);
    for (const neighbour of task.neighbours) this.#introduce(neighbour, false);
    this.#learn(task.manifest, supernode);
  }

  #introduce({ id, address }: NeighbourAddress, seed: boolean): void {
    // One that cannot be dialled dials us.
    if (address !== null) this.#partners.introduce({ id, address, seed });
  }

  #lost({ id, seed }: Partner, reached: boolean): void {
    this.#loop.tell({ type: "gone", id });
    this.#arriving.delete(id);
    if (seed) return;
    this.#transfer.watch?.dropped(id, reached ? "lost" : "unreachable");
    this.#part(id);
  }

  /** By the supernode; one that was swapped for a fresh one has no fault. */
  #dropped(id: HostId, reason: string): void {
    this.#arriving.delete(id);
    if (reason === "you-are-isolated") this.#isolated = true;
    else if (reason === "isolated" || reason === "left") this.#transfer.watch?.dropped(id, reason);
  }

  /** The supernode may introduce it again when it has nobody better. */
  #part(neighbour: HostId): void {
    this.#send({ type: "parted", version: this.#transfer.holding.version.id, neighbour });
  }

  #handler(partner: Partner, roundTripMs: () => number | undefined): Omit<ChannelHandler, "refused" | "closed"> {
    const { id, seed } = partner;
    let heardAtMs = 0;
    const arriving = { bytes: 0 };
    this.#arriving.set(id, arriving);
    return {
      bitmap: (held, complete) => {
        if (seed) this.#loop.tell({ type: "seed-back" });
        this.#loop.tell({ type: "bitmap", id, held: complete ? this.#everything() : held, rttMs: roundTripMs() });
      },
      have: (pieces) => this.#loop.tell({ type: "have", id, pieces }),
      granted: (piece) => this.#loop.tell({ type: "granted", id, piece }),
      progress: (piece, bytesSoFar) => {
        arriving.bytes = bytesSoFar;
        const now = performance.now();
        if (now - heardAtMs < arrivingEveryMs) return;
        heardAtMs = now;
        this.#loop.tell({ type: "arriving", id, piece });
      },
      piece: (piece, slab) => {
        arriving.bytes = 0;
        this.#arrived(partner, piece, slab);
      },
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

  #arrived(partner: Partner, piece: PieceIndex, slab: Slab): void {
    this.#loop.tell({ type: this.#intake.take(piece, slab, partner), id: partner.id, piece });
  }

  async #finish(): Promise<void> {
    try {
      await this.#intake.written();
      const { holding } = this.#transfer;
      const { length, digest } = this.#manifest.end ?? { ...holding.version, digest: null };
      if (length === null || this.#stopped) return;
      await this.#complete({ length, sha256: digest ?? undefined });
      this.#transfer.succeed();
    } catch (error) {
      this.#transfer.fail(DragonflyError.from(error));
    }
  }

  async #goToOrigin(part: OriginPart): Promise<void> {
    const { holding } = this.#transfer;
    try {
      const read = await this.#origin.read(part);
      if (read === undefined) return;
      this.#loop.tell({ type: "origin-left" });
      if (read === "away" || part.to !== null) return;
      await this.#intake.written();
      if (holding.state !== "complete") await this.#complete(read);
      this.#transfer.succeed();
    } catch (error) {
      if (!this.#stopped) this.#transfer.fail(DragonflyError.from(error));
    }
  }

  async #complete(finished: Finished): Promise<void> {
    await finishHolding(this.#options.store, this.#transfer.holding, finished);
    this.#options.holds(this.home, true);
  }

  #send(message: FromDaemon): void {
    this.#options.send(message, this.home);
  }
}
