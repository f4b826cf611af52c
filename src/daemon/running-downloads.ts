// The downloads that run on this host, by version: who may be how fast, what came in all, and why those that are over were not faster.

import { backgroundRateOf } from "../core/background-rate.ts";
import type { DragonflyError } from "../core/error.ts";
import type { HostExplanation } from "../core/explain.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { BytesBySource } from "../core/swarm.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { Log } from "../runtime/log.ts";
import type { Holding, Store } from "../store/store.ts";
import type { TaskKey, TaskRequest } from "../wire/task-key.ts";
import { DownloadWatches } from "./download-watch.ts";
import type { LoneDownload } from "./lone-download.ts";
import type { ManifestArchive } from "./manifest-archive.ts";
import type { SupernodeIdentity, SwarmNews } from "./supernode-link.ts";
import type { SwarmDownload } from "./swarm-download.ts";
import { Transfer } from "./transfer.ts";

export interface ContentRequest extends TaskRequest {
  readonly backToSource: boolean;
  /** Of this download; 0 or absent is unlimited. */
  readonly rateBytesPerSecond?: number | undefined;
  /** Nobody waits for it: it makes room for downloads that somebody waits for. */
  readonly background?: boolean | undefined;
}

export interface RunningDownload {
  readonly transfer: Transfer;
  readonly key: TaskKey;
  readonly request: ContentRequest;
  readonly limit: TokenBucket;
  background: boolean;
  /** Undefined where the origin alone is read. */
  swarm?: SwarmDownload;
  /** Undefined where it cannot turn to the swarm, or does. */
  lone?: LoneDownload | undefined;
  /** Heard while it turns to the swarm. */
  readonly early: Heard[];
}

/** What a supernode says of a version. */
export interface Heard {
  readonly news: SwarmNews;
  readonly supernode: SupernodeIdentity;
}

export interface RunningDownloadsOptions {
  readonly host: HostId;
  readonly store: Store;
  readonly archive: ManifestArchive;
  /** The host's limit on receiving. */
  readonly limit: TokenBucket;
  readonly log: Log;
}

/** Downloads that are over and still can be explained. */
const maxExplained = 256;

export class RunningDownloads extends Map<VersionId, RunningDownload> {
  readonly #options: RunningDownloadsOptions;
  readonly #watches = new DownloadWatches();
  /** The last that are over; the oldest first. */
  readonly #explained = new Map<VersionId, HostExplanation>();
  #endedBytes = 0;

  constructor(options: RunningDownloadsOptions) {
    super();
    this.#options = options;
  }

  /** Of content, by all downloads since the start. */
  get receivedBytes(): number {
    let bytes = this.#endedBytes;
    for (const { transfer } of this.values()) bytes += sum(transfer.from);
    return bytes;
  }

  /** Why the version came as fast as it did, or does; undefined for one that did not come lately. */
  explanation(version: VersionId): HostExplanation | undefined {
    return this.get(version)?.transfer.watch?.explanation ?? this.#explained.get(version);
  }

  /** One more, to be driven by whoever brings the bytes; it is here until it has ended. */
  begin(key: TaskKey, request: ContentRequest, holding: Holding, early: Heard[] = []): RunningDownload {
    const { host, log, limit: hostLimit } = this.#options;
    const transfer = new Transfer(holding);
    const limit = new TokenBucket(request.rateBytesPerSecond ?? 0);
    const running = { transfer, key, request, limit, background: request.background === true, early };
    const { id, url } = holding.version;
    transfer.watch = this.#watches.begin({
      host,
      transfer,
      limits: () => ({ request: limit.rateBytesPerSecond, host: hostLimit.rateBytesPerSecond }),
    });
    this.set(id, running);
    this.#makeRoom();
    log.info("download started", { version: id, url });
    transfer.finished.then(
      () => log.info("download complete", { version: id, from: transfer.from }),
      (error: DragonflyError) => log.warn("download ended", { version: id, error: error.message }),
    );
    transfer.finished.then(
      () => this.#forget(running),
      (error: DragonflyError) => {
        this.#forget(running);
        // Wherever it turned out: what is here of it is no better.
        if (error.code === "digest-mismatch") void this.#options.store.remove(id).catch(() => {});
      },
    );
    return running;
  }

  /** Somebody else wants the same. Who comes without a limit frees the others of theirs: the bytes are wanted now. */
  join(running: RunningDownload, request: ContentRequest): void {
    if (request.background === true) return;
    const { limit } = running;
    const wanted = request.rateBytesPerSecond ?? 0;
    if (limit.rateBytesPerSecond !== 0)
      limit.setRate(wanted === 0 ? 0 : Math.max(wanted, limit.rateBytesPerSecond), performance.now());
    running.background = false;
    this.#makeRoom();
  }

  #forget({ transfer, swarm }: RunningDownload): void {
    const { store, archive } = this.#options;
    const { id } = transfer.holding.version;
    this.delete(id);
    this.#endedBytes += sum(transfer.from);
    this.#makeRoom();
    this.#explained.delete(id);
    if (transfer.watch !== undefined) this.#explained.set(id, transfer.watch.explanation);
    for (const oldest of this.#explained.keys())
      if (this.#explained.size > maxExplained) this.#explained.delete(oldest);
    if (store.find(id) !== undefined) archive.keep(id, swarm?.signed ?? []);
  }

  /** Downloads in the background are slow while there are others, and as fast as they may be while there are none. */
  #makeRoom(): void {
    const all = [...this.values()];
    const wanted = all.some(({ background }) => !background);
    for (const { background, limit, request } of all) {
      const rate = backgroundRateOf(request.rateBytesPerSecond ?? 0, wanted);
      if (background && limit.rateBytesPerSecond !== rate) limit.setRate(rate, performance.now());
    }
  }
}

function sum({ peers, supernode, origin }: BytesBySource): number {
  return peers + supernode + origin;
}
