// One download: asks the daemon, lets the output fill while pieces arrive, and checks it. Says nothing to anybody by itself.

import { DragonflyError } from "../core/error.ts";
import type { GetConfig } from "../runtime/get-config.ts";
import type { Accepted, BytesBySource, Done, DownloadEvent, DownloadRequest, Progress } from "../wire/local-api.ts";
import type { LocalClient } from "./local-client.ts";
import type { Output } from "./output.ts";
import { PieceCopier } from "./piece-copier.ts";
import { VersionContent } from "./version-content.ts";

/** Hears how it goes. */
export interface Observer {
  note(message: string): void;
  step(message: string): void;
  accepted(version: Accepted): void;
  progress(progress: Progress): void;
  /** It is done; sentences on why it was as fast as it was. */
  explained(words: readonly string[]): void;
}

export interface Downloaded {
  readonly taskId: string | null;
  readonly bytes: number;
  readonly digest: string | null;
  readonly reused: boolean;
  readonly from: BytesBySource;
  readonly peers: number;
}

/** So long a daemon that went away is waited for: a service manager restarts it, or an upgrade does. */
const backWithinMs = 10_000;
const maxLosses = 8;
const maxSpoils = 2;

export const nothingYet: Downloaded = {
  taskId: null,
  bytes: 0,
  digest: null,
  reused: false,
  from: { peers: 0, supernode: 0, origin: 0 },
  peers: 0,
};

export class Download {
  readonly #client: LocalClient;
  readonly #output: Output;
  readonly #observer: Observer;
  /** Aborted by the caller's signal, or by the first failure to copy. */
  readonly #stop = new AbortController();
  #version: Accepted | undefined;
  /** Of this daemon nothing was heard yet: what another said of what it holds does not count. */
  #isNewAnswer = true;
  /** Daemons that went away. */
  #losses = 0;
  /** How often what was written was not what was verified. */
  #spoils = 0;
  #copier: PieceCopier | undefined;
  #result: Downloaded = nothingYet;

  constructor(client: LocalClient, output: Output, observer: Observer) {
    this.#client = client;
    this.#output = output;
    this.#observer = observer;
  }

  /** What is known of it by now: of a failed one, how far it came. */
  get result(): Downloaded {
    return this.#result;
  }

  /** Resolves when the output is complete and checked. Whatever happens, nothing runs on when it settles. */
  async run(request: DownloadRequest, signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    try {
      for (;;) {
        const done = await this.#listenToAll(request, stop);
        await this.#untilAborted(this.#copier?.complete(done.bytes), stop);
        if (!(await this.#isSpoiled(done, stop))) return await this.#output.finish(done.bytes, done.digest);
        await this.#forget();
      }
    } finally {
      await this.#copier?.close();
    }
  }

  /** What was written is not what was verified: somebody else wrote to the daemon's files. It is told, and looks at them. */
  async #isSpoiled({ piecesDigest }: Done, stop: AbortSignal): Promise<boolean> {
    const { piecesDigest: written } = this.#copier ?? {};
    if (piecesDigest === undefined || written === piecesDigest) return false;
    const version = this.#version?.versionId;
    if (version !== undefined) await this.#client.prove(version, stop);
    const what = "what this host keeps was altered by another program before it was written";
    if (this.#spoils++ >= maxSpoils || this.#output.ordered)
      throw new DragonflyError("not-writable", `${what}: the same command again fetches it anew`);
    this.#observer.note(`${what}: fetching it anew`);
    return true;
  }

  /** Begins once more. */
  async #forget(): Promise<void> {
    await this.#copier?.close();
    this.#copier = undefined;
    this.#version = undefined;
  }

  /** To one daemon after another, where it is restarted meanwhile. */
  async #listenToAll(request: DownloadRequest, stop: AbortSignal): Promise<Done> {
    for (;;) {
      try {
        return await this.#listen(request, stop);
      } catch (error) {
        if (stop.aborted || !isDaemonGone(error) || this.#losses++ >= maxLosses) throw error;
        if (!(await this.#client.back(backWithinMs, stop))) throw error;
        this.#observer.note("the daemon was restarted: going on");
      }
    }
  }

  async #listen(request: DownloadRequest, stop: AbortSignal): Promise<Done> {
    this.#isNewAnswer = true;
    for await (const event of this.#client.download(request, stop)) {
      const done = await this.#hear(event);
      if (done !== undefined) return done;
    }
    throw new DragonflyError("protocol-violation", "the daemon ended without a word");
  }

  async #hear(event: DownloadEvent): Promise<Done | undefined> {
    switch (event.type) {
      case "accepted":
        await this.#begin(event);
        return undefined;
      case "note":
        this.#observer.note(event.message);
        return undefined;
      case "progress":
        this.#copier?.gained(event.pieces);
        this.#result = { ...this.#result, bytes: event.bytes, from: event.from, peers: event.peers };
        this.#observer.progress(event);
        return undefined;
      case "failed":
        throw DragonflyError.fromWire(event.error);
      case "done": {
        if (this.#copier === undefined)
          throw new DragonflyError("protocol-violation", "the daemon is done before it began");
        const { bytes, digest, reused, from, peers } = event;
        this.#result = { ...this.#result, bytes, digest, reused, from, peers };
        this.#observer.explained(event.explanation?.words ?? []);
        return event;
      }
    }
  }

  async #begin(version: Accepted): Promise<void> {
    const again = this.#version;
    const isNewAnswer = this.#isNewAnswer;
    this.#isNewAnswer = false;
    this.#version = version;
    this.#result = { ...this.#result, taskId: version.taskId };
    this.#observer.accepted(version);
    if (again?.versionId === version.versionId && again.pieceLength === version.pieceLength) {
      if (isNewAnswer) this.#copier?.readFrom(await VersionContent.open(version, this.#client));
      return this.#copier?.lengthKnown(version.length);
    }
    await this.#copier?.close();
    await this.#output.begin();
    const content = await VersionContent.open(version, this.#client);
    this.#observer.step(`version ${version.versionId}, read through the daemon's ${content.way}`);
    this.#copier = new PieceCopier(version, content, this.#output, (error) => this.#stop.abort(error));
  }

  /** Waits for copying; a copier that is stopped ends by itself. */
  async #untilAborted(copied: Promise<void> | undefined, stop: AbortSignal): Promise<void> {
    const onAbort = (): void => void this.#copier?.close();
    stop.addEventListener("abort", onAbort, { once: true });
    if (stop.aborted) onAbort();
    try {
      await copied;
    } catch (error) {
      throw stop.aborted ? stop.reason : error;
    } finally {
      stop.removeEventListener("abort", onAbort);
    }
    stop.throwIfAborted();
  }
}

function isDaemonGone(error: unknown): boolean {
  if (!(error instanceof DragonflyError)) return false;
  // One that stops says that trying again may help.
  return error.code === "daemon-unreachable" || (error.code === "interrupted" && error.retryAfterMs !== undefined);
}

/** What the daemon is asked, from what the user asked. */
export function requestFrom(config: GetConfig, order: "any" | "stream", ca: string | undefined): DownloadRequest {
  const { range, digests, filter, tag, rateBytesPerSecond, timeoutMs } = config;
  const sha256 = digests.find(({ algorithm }) => algorithm === "sha256");
  return {
    url: config.url,
    headers: config.headers,
    ...(tag === undefined ? {} : { tag }),
    ...(range === undefined ? {} : { range: `${range.first}-${range.last ?? ""}` }),
    ...(sha256 === undefined ? {} : { digest: `sha256:${sha256.hex}` }),
    ...(filter.length === 0 ? {} : { filter }),
    ...(rateBytesPerSecond === 0 ? {} : { rateBytesPerSecond }),
    ...(timeoutMs === 0 ? {} : { timeoutMs }),
    ...(config.maxAgeMs === undefined ? {} : { maxAgeMs: config.maxAgeMs }),
    backToSource: config.backToSource,
    ...(ca === undefined ? {} : { ca }),
    ...(config.insecureOrigin ? { insecureOrigin: true } : {}),
    order,
  };
}
