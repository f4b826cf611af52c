// The origin, as this host asks and reads it on its own account: where no supernode is configured, or when none is left.

import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { OriginPart } from "../core/origin-turns.ts";
import type { RateLimit } from "../core/token-bucket.ts";
import type { VersionRecord } from "../core/version.ts";
import { RateGate } from "../net/rate-gate.ts";
import type { SlabPool } from "../net/slab-pool.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { openWithRetry } from "../origin/retry.ts";
import type { Log } from "../runtime/log.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { TaskKey, TaskRequest } from "../wire/task-key.ts";
import { isNameless } from "../wire/version-record.ts";
import { OriginDownload, type OriginDownloadOptions } from "./origin-download.ts";
import type { Transfer } from "./transfer.ts";

type Content = Extract<Opened, { kind: "content" }>;

export interface OwnOriginOptions {
  readonly origin: Origin;
  readonly slabs: SlabPool;
  /** The host's limit on receiving. */
  readonly limit: RateLimit;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export class OwnOrigin {
  readonly #options: OwnOriginOptions;

  constructor(options: OwnOriginOptions) {
    this.#options = options;
  }

  /** Asks for the content, or whether it is still this version. Errors: what the origin refuses with. */
  open(request: OriginRequest, known?: VersionRecord): Promise<Opened> {
    const { origin, log, signal } = this.#options;
    return openWithRetry(origin, request, {
      known: known === undefined ? undefined : validatorsOf(known),
      signal,
      onRetry: (error) => log.warn("the origin failed, trying again", { error: error.message }),
    });
  }

  download(read: Omit<OriginDownloadOptions, "origin" | "slabs" | "gate">, limit: RateLimit): OriginDownload {
    const { origin, slabs } = this.#options;
    return new OriginDownload({ ...read, origin, slabs, gate: new RateGate(limit) });
  }

  /**
   * The origin of a swarm's version, part by part, once it has said that the version is current. Errors: `origin-changed` where it has another
   * one by now, or where nothing tells one from another.
   */
  async rest(request: OriginRequest, swarm: SwarmPart): Promise<RestOfOrigin> {
    const { url, etag, lastModified, length, digest } = swarm.transfer.holding.version;
    const { info, body } = contentOf(await this.open({ ...request, firstBytes: 1 }));
    body.destroy();
    const nameless = isNameless({ etag, lastModified });
    // What a digest names is the same at any place, whatever its validators are there.
    const same = digest !== undefined || (!nameless && info.etag === etag && info.lastModified === lastModified);
    if (!same || info.length !== length) {
      const why = nameless ? "cannot be told from another by now" : "changed at the origin";
      throw new DragonflyError("origin-changed", `the content ${why} during the download`);
    }
    this.#options.log.warn("reading from the origin, no seed is left", { url });
    return {
      // What comes in one stream only is read in one go: each part would cost all that is before it.
      download: (part) => {
        const some = info.ranged && part.to !== null ? part : undefined;
        return this.download({ ...swarm, request, opened: { info }, part: some }, this.#options.limit);
      },
    };
  }
}

export interface SwarmPart {
  readonly transfer: Transfer;
  readonly manifest: Manifest;
  readonly onPiece: (piece: PieceIndex) => void;
}

export interface RestOfOrigin {
  download(part: OriginPart): OriginDownload;
}

export function originRequest(key: TaskKey, request: TaskRequest): OriginRequest {
  const { range, ca, insecureOrigin, traceparent } = request;
  return { url: key.originUrl, headers: key.headers, range, ca, insecure: insecureOrigin, traceparent };
}

/** For one that was asked without a condition. */
export function contentOf(opened: Opened): Content {
  if (opened.kind === "content") return opened;
  throw new DragonflyError("origin-refused", "the origin answered 304 to no condition");
}

function validatorsOf({ etag, lastModified }: VersionRecord) {
  return etag === undefined && lastModified === undefined ? undefined : { etag, lastModified };
}
