// Which versions this supernode seeds, and the probes that tell which version of a task is current. At most one probe runs for a task and
// an audience at a time: the scheduler sees to that.

import { setMaxListeners } from "node:events";
import { DragonflyError } from "../core/error.ts";
import type { Audience, TaskId, VersionId } from "../core/ids.ts";
import type { Opened, Origin, OriginRequest } from "../origin/origin.ts";
import { OriginHealth, type OriginStanding } from "../origin/origin-health.ts";
import { openWithRetry } from "../origin/retry.ts";
import { refuseUnshareable } from "../origin/sharing.ts";
import type { Log } from "../runtime/log.ts";
import { type Tracer, traced } from "../runtime/tracing.ts";
import { createHolding } from "../store/create-holding.ts";
import type { Holding, Store } from "../store/store.ts";
import { publicUrl } from "../wire/public-url.ts";
import { versionRecord } from "../wire/version-record.ts";
import { type Errand, Errands } from "./errands.ts";
import type { Seed } from "./seed.ts";

type Content = Extract<Opened, { kind: "content" }>;

interface Prepared {
  readonly opened: Content;
  readonly request: OriginRequest;
}

export interface SeedBookOptions {
  readonly origin: Origin;
  readonly store: Store;
  readonly makeSeed: (holding: Holding) => Seed;
  readonly log: Log;
  readonly tracer: Tracer;
}

export class SeedBook {
  readonly #options: SeedBookOptions;
  readonly #seeds = new Map<VersionId, Seed>();
  readonly #current = new Map<TaskId, VersionId>();
  readonly #errands = new Errands();
  readonly #prepared = new Map<VersionId, Prepared>();
  readonly #health = new OriginHealth();
  readonly #abort = new AbortController();

  constructor(options: SeedBookOptions) {
    this.#options = options;
    // Each probe listens, and there are as many as tasks are asked for.
    setMaxListeners(0, this.#abort.signal);
    options.store.onEvicted((version) => this.#evicted(version));
  }

  get seeds(): Iterable<Seed> {
    return this.#seeds.values();
  }

  /** Those that failed lately, and which of them are left alone. */
  get origins(): readonly OriginStanding[] {
    return this.#health.list(performance.now());
  }

  find(version: VersionId): Seed | undefined {
    return this.#seeds.get(version);
  }

  /** All of it is on this disk, whether it was asked for since the start or not. */
  holds(version: VersionId): boolean {
    return this.#options.store.find(version)?.state === "complete";
  }

  /** Of the newest version of a task. */
  ofTask(task: TaskId): Seed | undefined {
    const version = this.#current.get(task);
    return version === undefined ? undefined : this.#seeds.get(version);
  }

  /** Remembers how to ask the origin, until the probe for it is over. Errors: `overloaded`. */
  note(errand: Errand): void {
    this.#errands.note(errand);
  }

  /**
   * Asks the origin which version is current; there is a seed for it when this resolves. The first `firstBytes` of it are on their way then:
   * a single one is for the version alone.
   */
  async probe(task: TaskId, audience: Audience, firstBytes?: number): Promise<VersionId> {
    const errand = this.#errands.get(task, audience);
    if (errand === undefined) throw new DragonflyError("internal", "a probe was asked for that nobody registered");
    const span = this.#span("probe origin", errand.displayUrl, errand.request);
    const { traceparent } = span;
    const request = { ...errand.request, traceparent, firstBytes };
    try {
      return await traced(span, () => this.#probe({ ...errand, request }));
    } finally {
      this.#errands.forget(task, audience);
    }
  }

  /** Starts reading, if a probe left something to read; resolves when the version is complete. */
  async run(version: VersionId): Promise<void> {
    const seed = this.#seeds.get(version);
    const prepared = this.#prepared.get(version);
    this.#prepared.delete(version);
    if (seed === undefined || seed.state === "complete" || seed.state === "reading") {
      prepared?.opened.body.destroy();
      return;
    }
    if (prepared === undefined) throw new DragonflyError("internal", "nothing is open to read from");
    const span = this.#span("read origin", seed.version.url, prepared.request);
    const request = { ...prepared.request, traceparent: span.traceparent };
    try {
      await traced(span, () => seed.run(prepared.opened, request));
    } catch (thrown) {
      throw this.#fault(prepared.request.url, thrown);
    }
  }

  /** Ends a read that nobody waits for; what was read stays, for whoever asks next. */
  stop(version: VersionId): void {
    const seed = this.#seeds.get(version);
    if (seed?.state !== "reading") return;
    this.#evicted(version);
    seed.close("nobody waits for it any more");
  }

  async remove(task: TaskId): Promise<void> {
    const version = this.#current.get(task) ?? this.#options.store.latest(task)?.version.id;
    if (version !== undefined) await this.#options.store.remove(version);
  }

  close(): void {
    this.#abort.abort(new DragonflyError("interrupted", "the supernode is stopping"));
    for (const { opened } of this.#prepared.values()) opened.body.destroy();
    for (const seed of this.#seeds.values()) seed.close();
  }

  #span(name: string, url: string, { traceparent }: OriginRequest) {
    const attributes = { "url.full": publicUrl(url) };
    return this.#options.tracer.start(name, { kind: "client", parent: traceparent, attributes });
  }

  async #probe(errand: Errand): Promise<VersionId> {
    const { origin, log } = this.#options;
    const current = this.#currentSeed(errand.task);
    const { etag, lastModified } = current?.version ?? {};
    const known = etag === undefined && lastModified === undefined ? undefined : { etag, lastModified };
    this.#health.check(errand.request.url, performance.now());
    log.info("asking the origin", { url: errand.displayUrl, by: errand.by });
    const opened = await openWithRetry(origin, errand.request, {
      known,
      signal: this.#abort.signal,
      onRetry: (error) => log.warn("the origin failed, trying again", { url: errand.displayUrl, error: error.message }),
    }).catch((thrown: unknown) => {
      throw this.#fault(errand.request.url, thrown);
    });
    this.#health.served(errand.request.url);
    // It may have been stopped or evicted while the origin was asked.
    if (current !== undefined && this.#seeds.get(current.version.id) !== current) {
      if (opened.kind === "content") opened.body.destroy();
      return this.#probe(errand);
    }
    if (opened.kind === "unchanged") {
      if (current === undefined) throw new DragonflyError("origin-changed", "the origin answered 304 to no condition");
      return current.version.id;
    }
    if (errand.onlyShareable) refuseUnshareable(opened, errand.audience !== "");
    // Content that cannot be told apart counts as the same while it is being read: else every host would cause a read of its own.
    const nameless = opened.info.etag === undefined && opened.info.lastModified === undefined;
    const same = nameless && current?.state === "reading" ? current.version.id : undefined;
    return this.#adopt(errand, opened, same);
  }

  async #adopt(
    errand: Errand,
    opened: Extract<Opened, { kind: "content" }>,
    same: VersionId | undefined,
  ): Promise<VersionId> {
    const record = versionRecord({ ...errand, id: errand.task }, opened.info);
    const id = same ?? record.id;
    const known = this.#seeds.get(id);
    if (known !== undefined && known.state !== "failed") {
      opened.body.destroy();
      this.#current.set(errand.task, id);
      return id;
    }
    try {
      const holding = await createHolding(this.#options.store, record, this.#abort.signal);
      this.#seeds.set(id, this.#options.makeSeed(holding));
    } catch (error) {
      opened.body.destroy();
      throw error;
    }
    this.#current.set(errand.task, id);
    this.#prepared.set(id, { opened, request: errand.request });
    return id;
  }

  #fault(url: string, thrown: unknown): DragonflyError {
    const error = DragonflyError.from(thrown);
    const left = this.#health.failed(url, error, performance.now());
    if (left !== undefined) this.#options.log.warn("origin isolated", { ...left, error: error.message });
    return error;
  }

  /** The seed of a task's newest version if it is whole or on its way, from an earlier run of this process too. */
  #currentSeed(task: TaskId): Seed | undefined {
    const version = this.#current.get(task);
    const seed = version === undefined ? undefined : this.#seeds.get(version);
    if (seed !== undefined) return seed.state === "complete" || seed.state === "reading" ? seed : undefined;
    const holding = this.#options.store.latest(task);
    if (holding?.state !== "complete") return undefined;
    const restored = this.#options.makeSeed(holding);
    this.#seeds.set(holding.version.id, restored);
    this.#current.set(task, holding.version.id);
    return restored;
  }

  #evicted(version: VersionId): void {
    const seed = this.#seeds.get(version);
    this.#seeds.delete(version);
    if (seed !== undefined && this.#current.get(seed.version.taskId) === version) {
      this.#current.delete(seed.version.taskId);
    }
  }
}
