// One preheat from its request to its end: finds out what belongs to it, and has each content fetched, a few at a time. It holds nothing that is
// secret: what does lives in `run`'s own variables and is gone when that is over.

import { DragonflyError, type WireError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { type Candidate, choosePreheatHosts, formatPreheatTarget } from "../core/preheat-hosts.ts";
import { countStates, isOver, moved, type PreheatState, type StateCounts, stateOfAll } from "../core/preheat-state.ts";
import type { OpenImage } from "../image/image-access.ts";
import { formatPlatform } from "../image/platform.ts";
import type { RetryPolicy } from "../origin/retry.ts";
import type { HostOrders } from "./host-orders.ts";
import { type Assignment, fileAssignment, imageAssignments } from "./preheat-assignment.ts";
import { PreheatChild } from "./preheat-child.ts";
import { PreheatPart } from "./preheat-part.ts";
import type { PreheatRequest } from "./preheat-request.ts";
import type { SeedContents } from "./seed-contents.ts";

export interface PreheatWorld {
  readonly seeds: SeedContents;
  readonly orders: Pick<HostOrders, "serve">;
  /** Hosts that may be ordered to fetch something now. */
  readonly candidates: () => readonly Candidate[];
  readonly openImage: OpenImage;
  readonly retry: RetryPolicy;
}

/** Contents of one preheat that are fetched at once; each may be fetched by every host. */
const contentsAtOnce = 4;

export class Preheat {
  readonly id: string;
  readonly url: string;
  readonly type: "file" | "image";
  readonly to: string;
  readonly platforms: readonly string[];
  readonly createdAtMs: number;
  #finishedAtMs: number | undefined;
  #state: PreheatState = "waiting";
  #error: WireError | undefined;
  #hosts: readonly HostId[] = [];
  #children: readonly PreheatChild[] = [];
  readonly #abort = new AbortController();

  constructor(id: string, { url, source, to }: PreheatRequest, nowMs: number) {
    this.id = id;
    this.url = url;
    this.type = source.type;
    this.to = formatPreheatTarget(to);
    this.platforms = source.type === "image" ? source.platforms.map(formatPlatform) : [];
    this.createdAtMs = nowMs;
  }

  get state(): PreheatState {
    return this.#state;
  }

  get finishedAtMs(): number | undefined {
    return this.#finishedAtMs;
  }

  /** Why it failed: as a whole, or the first of its contents that did. */
  get error(): WireError | undefined {
    if (this.#error !== undefined || this.#state !== "failed") return this.#error;
    for (const { seed, failures } of this.#children) {
      if (seed.state === "failed") return seed.error;
      const [failure] = failures;
      if (failure?.error !== undefined)
        return { ...failure.error, message: `host ${failure.host}: ${failure.error.message}` };
    }
    return undefined;
  }

  get hosts(): number {
    return this.#hosts.length;
  }

  get children(): readonly PreheatChild[] {
    return this.#children;
  }

  get childCounts(): StateCounts {
    return countStates(this.#children.map(({ state }) => state));
  }

  /** On all machines together. */
  get bytes(): number {
    return this.#children.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** When all is done; null while a length is not known. */
  get totalBytes(): number | null {
    if (this.#children.length === 0) return null;
    let sum = 0;
    for (const { length } of this.#children) {
      if (length === null) return null;
      sum += length;
    }
    return sum * (this.#hosts.length + 1);
  }

  /** No-op for one that is over. What nobody else wants is not fetched on. */
  cancel(): void {
    if (isOver(this.#state)) return;
    this.#abort.abort(new DragonflyError("interrupted", "the preheat was cancelled"));
    if (this.#state === "waiting") this.#end("cancelled");
  }

  /** Resolves when it is over, however it ended. */
  async run(request: PreheatRequest, world: PreheatWorld): Promise<void> {
    if (this.#state !== "waiting") return;
    this.#state = moved(this.#state, "running");
    try {
      this.#hosts = this.#choose(request, world);
      const assignments = await this.#plan(request, world);
      this.#children = assignments.map(({ content }) => new PreheatChild(content, this.#hosts.length));
      await this.#fetch(assignments, world);
      this.#end(endOf(stateOfAll(this.childCounts)));
    } catch (thrown) {
      if (this.#abort.signal.aborted) return this.#end("cancelled");
      this.#error = DragonflyError.from(thrown).toJSON();
      this.#end("failed");
    }
  }

  #choose({ to, url }: PreheatRequest, { candidates }: PreheatWorld): readonly HostId[] {
    if (to.kind === "seeds") return [];
    const hosts = choosePreheatHosts(candidates(), to, url);
    if (hosts.length === 0) throw new DragonflyError("not-found", "no host is connected that could be preheated");
    return hosts;
  }

  async #plan({ source }: PreheatRequest, world: PreheatWorld): Promise<readonly Assignment[]> {
    if (source.type === "file") return [fileAssignment(source)];
    const { signal } = this.#abort;
    const access = await world.openImage(source.reference, source.login);
    let assignments: readonly Assignment[] = [];
    let failure: DragonflyError | undefined;
    const planning = new PreheatPart();
    const work = async (): Promise<void> => {
      try {
        const readManifest = (assignment: Assignment) => world.seeds.readManifest(assignment, signal);
        assignments = await imageAssignments(source, { access, readManifest, signal });
      } catch (error) {
        failure = DragonflyError.from(error);
        throw failure;
      }
    };
    await planning.run(work, { signal, retry: world.retry });
    if (planning.state !== "done") throw failure ?? DragonflyError.from(signal.reason);
    return assignments;
  }

  async #fetch(assignments: readonly Assignment[], { seeds, orders, retry }: PreheatWorld): Promise<void> {
    const { signal } = this.#abort;
    const hosts = this.#hosts;
    const left = this.#children.map((child, nth) => ({ child, assignment: assignments[nth] }));
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { child, assignment } = next;
        if (signal.aborted || assignment === undefined) child.cancel();
        else await child.run(assignment, { hosts, seeds, orders, signal, retry });
      }
    };
    await Promise.all(Array.from({ length: contentsAtOnce }, worker));
  }

  #end(state: "done" | "failed" | "cancelled"): void {
    this.#state = moved(this.#state, state);
    this.#finishedAtMs = Date.now();
  }
}

/** All children are over by now. */
function endOf(state: PreheatState): "done" | "failed" | "cancelled" {
  return state === "done" || state === "cancelled" ? state : "failed";
}
