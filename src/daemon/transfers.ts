// Turns a request for content into a transfer or a holding: asks the supernode which version it is, joins the swarm, and where there is no
// supernode, or none answers, asks the origin itself. Requests for the same content by the same audience share one of each.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { bothLimits, type TokenBucket } from "../core/token-bucket.ts";
import type { VersionRecord } from "../core/version.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin } from "../origin/origin.ts";
import { outageMs } from "../origin/retry.ts";
import { refuseUnshareable } from "../origin/sharing.ts";
import type { Log } from "../runtime/log.ts";
import { createHolding } from "../store/create-holding.ts";
import type { Holding, Store } from "../store/store.ts";
import type { SignedPart } from "../wire/control.ts";
import { type TaskKey, taskKey } from "../wire/task-key.ts";
import { versionRecord } from "../wire/version-record.ts";
import { enterSwarm, restOf } from "./enter-swarm.ts";
import type { LinkPool } from "./link-pool.ts";
import { LoneDownload } from "./lone-download.ts";
import type { ManifestArchive } from "./manifest-archive.ts";
import { contentOf, OwnOrigin, originRequest, type RestOfOrigin, type SwarmPart } from "./own-origin.ts";
import { rejoin } from "./rejoin.ts";
import { type ContentRequest, type Heard, type RunningDownload, RunningDownloads } from "./running-downloads.ts";
import { awayMs, mayPass } from "./shared-origin.ts";
import type { SupernodeIdentity, SwarmNews, Task } from "./supernode-link.ts";
import type { Registration, Supernodes } from "./supernodes.ts";
import { SwarmDownload } from "./swarm-download.ts";
import type { Transfer } from "./transfer.ts";

/** What a request came to. Without a transfer the holding was complete already. */
export interface Ticket {
  readonly holding: Holding;
  readonly transfer: Transfer | undefined;
  readonly displayUrl: string;
  /** For people, where something is not as they may expect. */
  readonly note: string | undefined;
}

export interface TransfersOptions {
  readonly host: HostId;
  readonly supernodes: Supernodes;
  readonly store: Store;
  readonly archive: ManifestArchive;
  readonly origin: Origin;
  readonly links: LinkPool;
  readonly slabs: SlabPool;
  /** The host's limit on receiving. */
  readonly limit: TokenBucket;
  readonly random: Random;
  readonly log: Log;
}

/** In which a daemon that is stopped may be there again. */
const restartMs = 500;
const maxEarlyNews = 65_536;

export class Transfers {
  readonly #options: TransfersOptions;
  readonly #ownOrigin: OwnOrigin;
  readonly #running: RunningDownloads;
  readonly #opening = new Map<string, Promise<Ticket>>();
  /** What came for versions that are not running while requests were opened: perhaps of one whose store is being made ready. */
  #early: Heard[] = [];
  readonly #abort = new AbortController();

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#running = new RunningDownloads(options);
    this.#ownOrigin = new OwnOrigin({ ...options, signal: this.#abort.signal });
  }

  get running(): Pick<RunningDownloads, "get" | "values" | "size" | "receivedBytes" | "explanation"> {
    return this.#running;
  }

  /** Errors: what the origin, the supernode or the disk refuses with; `no-source` where the origin is forbidden and nothing else is left. */
  async open(request: ContentRequest): Promise<Ticket> {
    const key = taskKey(request);
    const mark = `${key.id} ${key.audience} ${request.backToSource} ${request.onlyShareable === true} ${request.maxAgeMs} ${request.background}`;
    const shared = this.#opening.get(mark);
    if (shared !== undefined) return shared;
    const opening = this.#open(key, request);
    this.#opening.set(mark, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(mark);
      if (this.#opening.size === 0) this.#early = [];
    }
  }

  /** What a supernode says of a version. */
  hear(news: SwarmNews, supernode: SupernodeIdentity): void {
    const running = this.#running.get(news.version);
    if (running?.swarm !== undefined) running.swarm.hear(news, supernode);
    else if (running !== undefined) {
      const turns = running.lone === undefined && running.early.length < maxEarlyNews;
      if (turns) running.early.push({ news, supernode });
    } else if (this.#opening.size > 0 && this.#early.length < maxEarlyNews) this.#early.push({ news, supernode });
  }

  /** What it was the home of goes to the next; with none left, to whoever comes back first. */
  supernodeLost({ host }: SupernodeIdentity): void {
    for (const running of this.#running.values()) if (running.swarm?.home === host) void this.#rejoin(running);
  }

  /** What it was the home of it has forgotten; what has no home may turn to it. */
  supernodeBack({ host }: SupernodeIdentity): void {
    const { supernodes } = this.#options;
    for (const running of this.#running.values()) {
      const home = running.swarm?.home;
      if (home === undefined) void this.#enterSwarm(running);
      else if (home === host || !supernodes.isUp(home)) void this.#rejoin(running);
    }
  }

  /**
   * What it is the home of comes back to it, from whoever stood in: new downloads ask it from now on, and two that seed one version read it
   * twice.
   */
  supernodeSettled({ host }: SupernodeIdentity): void {
    const { supernodes } = this.#options;
    for (const running of this.#running.values()) {
      const home = running.swarm?.home;
      const right = supernodes.homeOf(running.transfer.holding.version.taskId)?.host;
      if (home !== undefined && home !== host && right === host) void this.#rejoin(running, supernodes.isUp(home));
    }
  }

  /** What supernodes signed of a version that is running; undefined for any other. */
  signed(version: VersionId): readonly SignedPart[] | undefined {
    return this.#running.get(version)?.swarm?.signed;
  }

  async close(): Promise<void> {
    const error = new DragonflyError("interrupted", "the daemon is stopping", { retryAfterMs: restartMs });
    this.#abort.abort(error);
    for (const { transfer } of this.#running.values()) transfer.fail(error);
  }

  async #open(key: TaskKey, request: ContentRequest): Promise<Ticket> {
    const { supernodes, store, log } = this.#options;
    // Before anybody is told that this host holds it.
    const held = store.latest(key.id);
    if (held?.state === "complete" && !(await held.intact())) await store.salvage(held);
    if (!supernodes.configured) return this.#withoutSupernode(key, request, "no supernode is configured");
    for (let isToldOf = false; ; ) {
      try {
        return await this.#throughSupernode(key, request);
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        if (error.code !== "supernode-unreachable") throw error;
        const ticket = await this.#withoutSupernode(key, request, error.message).catch((failure: unknown) => {
          if (!this.#isCutOff(DragonflyError.from(failure))) throw failure;
        });
        if (ticket !== undefined) return ticket;
        if (!isToldOf) log.warn("nobody can be reached, trying again", { error: error.message });
        isToldOf = true;
        await sleep(awayMs, undefined, { signal: this.#abort.signal }).catch(() => {});
        this.#abort.signal.throwIfAborted();
      }
    }
  }

  /** Neither the origin can be reached, or may be, nor a supernode that was there lately: a moment later either may. */
  #isCutOff(failure: DragonflyError): boolean {
    return mayPass(failure) && this.#options.supernodes.lostWithin(outageMs);
  }

  // --- with a supernode

  async #throughSupernode(key: TaskKey, request: ContentRequest): Promise<Ticket> {
    const { signal } = this.#abort;
    const { supernodes, store, links } = this.#options;
    const home = supernodes.homeOf(key.id);
    // The seed is dialled while it asks the origin, unless nothing is likely to be fetched from it.
    if (home !== undefined && store.latest(key.id)?.state !== "complete")
      links.prepare({ id: home.host, address: home.address });
    const { task, supernode } = await supernodes.register(key.id, request, { signal });
    const shared = this.#join(task.version, key, request);
    if (shared !== undefined) return shared;
    const holding = await this.#create(recordOfTask(task, key)).catch((error: unknown) => {
      supernodes.send({ type: "leave", version: task.version }, supernode.host);
      throw error;
    });
    if (holding.state === "complete")
      return { holding, transfer: undefined, displayUrl: key.displayUrl, note: undefined };
    // Another audience's request may have come to the same version meanwhile.
    return this.#join(task.version, key, request) ?? this.#startSwarm(key, request, { task, supernode, holding });
  }

  #join(version: VersionId, key: TaskKey, request: ContentRequest): Ticket | undefined {
    const running = this.#running.get(version);
    if (running === undefined) return undefined;
    const { transfer } = running;
    this.#running.join(running, request);
    return { holding: transfer.holding, transfer, displayUrl: key.displayUrl, note: undefined };
  }

  #startSwarm(key: TaskKey, request: ContentRequest, found: Registration & { readonly holding: Holding }): Ticket {
    const { holding, task } = found;
    const early = this.#early.filter(({ news }) => news.version === task.version);
    const running = this.#running.begin(key, request, holding, early);
    this.#drive(running, found);
    return { holding, transfer: running.transfer, displayUrl: key.displayUrl, note: undefined };
  }

  #drive(running: RunningDownload, { task, supernode }: Registration): void {
    const { host, store, links, random, log, supernodes, limit } = this.#options;
    const { transfer, key, request } = running;
    const { version } = task;
    const swarm = new SwarmDownload({
      ...{ host, transfer, store, task, supernode, links, random, log },
      limit: bothLimits(running.limit, limit),
      send: (message, home) => supernodes.send(message, home),
      holds: (home, complete) => supernodes.holds({ task: key.id, version, complete }, home),
      leave: () => supernodes.tell({ type: "leave", version }),
      refuse: (refused, error) => supernodes.refuse(refused, error),
      openOrigin: ({ manifest, onPiece }) => this.#openOrigin(key, request, { transfer, manifest, onPiece }),
    });
    running.swarm = swarm;
    transfer.drive(swarm);
    swarm.start();
    for (const heard of running.early.splice(0)) swarm.hear(heard.news, heard.supernode);
    // It may have gone, or come back, while there was no download to tell.
    if (!supernodes.up.includes(supernode)) void this.#rejoin(running);
  }

  async #enterSwarm(running: RunningDownload): Promise<void> {
    const { transfer, request, lone } = running;
    if (lone?.isYoung !== true) return;
    running.lone = undefined;
    const found = await enterSwarm({ transfer, request, lone }, this.#options, this.#abort.signal);
    if (found !== undefined) {
      this.#drive(running, found);
      const rest = { version: found.task.version, ...restOf(transfer) };
      this.#options.supernodes.send({ type: "read-first", ...rest }, found.supernode.host);
    }
    // Perhaps it turns to one that comes later.
    else running.lone = lone;
    running.early.length = 0;
  }

  async #rejoin({ transfer, swarm, request }: RunningDownload, served = false): Promise<void> {
    if (swarm !== undefined) await rejoin({ transfer, swarm, request, served }, this.#options, this.#abort.signal);
  }

  // --- without a supernode

  async #withoutSupernode(key: TaskKey, request: ContentRequest, why: string): Promise<Ticket> {
    const { store, supernodes } = this.#options;
    const { displayUrl } = key;
    const held = store.latest(key.id);
    if (!request.backToSource) {
      // Nobody is left who could say whether it is current, or whether this requester may have it: only public content is given.
      if (held?.state === "complete" && held.version.audience === undefined && key.audience === "") {
        const note = `${why}: the copy on this host is used unchecked`;
        return { holding: held, transfer: undefined, displayUrl, note };
      }
      throw new DragonflyError("no-source", `${why}, and going back to the source is forbidden`);
    }
    const direct = supernodes.configured ? "reading from the origin" : "reading from the origin alone";
    const note = `${why}: ${direct}`;
    const known = held?.state === "complete" ? held : undefined;
    const opened = await this.#ownOrigin.open(originRequest(key, request), known?.version);
    if (request.onlyShareable === true) refuseUnshareable(opened, key.audience !== "");
    if (opened.kind === "unchanged" && known !== undefined) {
      return { holding: known, transfer: undefined, displayUrl, note };
    }
    return { ...(await this.#startDirect(key, request, contentOf(opened))), note };
  }

  async #startDirect(
    key: TaskKey,
    request: ContentRequest,
    opened: Extract<Opened, { kind: "content" }>,
  ): Promise<Ticket> {
    const record = versionRecord(key, opened.info);
    const done = (ticket: Ticket): Ticket => {
      opened.body.destroy();
      return ticket;
    };
    const shared = this.#join(record.id, key, request);
    if (shared !== undefined) return done(shared);
    const holding = await this.#create(record).catch((error: unknown) => {
      opened.body.destroy();
      throw error;
    });
    const ticket = { holding, transfer: undefined, displayUrl: key.displayUrl, note: undefined };
    if (holding.state === "complete") return done(ticket);
    const running = this.#running.begin(key, request, holding);
    const { transfer, limit } = running;
    const read = { transfer, request: originRequest(key, request), opened };
    const download = this.#ownOrigin.download(read, bothLimits(limit, this.#options.limit));
    running.lone = new LoneDownload({ transfer, download, store: this.#options.store });
    running.lone.start();
    // One may have come while the origin was asked.
    if (this.#options.supernodes.up.length > 0) void this.#enterSwarm(running);
    return { ...ticket, transfer };
  }

  /** The rest of a swarm's version, read from the origin on this host's own account. */
  async #openOrigin(key: TaskKey, request: ContentRequest, swarm: SwarmPart): Promise<RestOfOrigin> {
    if (request.backToSource) return this.#ownOrigin.rest(originRequest(key, request), swarm);
    const message = "the supernode is gone, no peer has what is missing, and going back to the source is forbidden";
    throw new DragonflyError("no-source", message);
  }

  #create(version: VersionRecord): Promise<Holding> {
    return createHolding(this.#options.store, version, this.#abort.signal);
  }
}

/** The piece length is the manifest's, whatever this host would choose. */
function recordOfTask(task: Task, key: TaskKey): VersionRecord {
  return { ...versionRecord(key, task), id: task.version, pieceLength: task.pieceLength };
}
