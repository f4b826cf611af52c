// One content of a preheat: read by the seed, then fetched by the hosts while it is being read. When it is over only counts and some failures are
// kept: there may be thousands of hosts and of contents.

import type { DragonflyError, WireError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { countStates, type PreheatState, type StateCounts, stateOfAll } from "../core/preheat-state.ts";
import type { RetryPolicy } from "../origin/retry.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { HostOrders } from "./host-orders.ts";
import type { Assignment, PreheatContent } from "./preheat-assignment.ts";
import { PreheatPart } from "./preheat-part.ts";
import type { SeedContents } from "./seed-contents.ts";
import type { SeedLease } from "./seed-leases.ts";

export interface ChildRun {
  readonly hosts: readonly HostId[];
  readonly seeds: SeedContents;
  readonly orders: Pick<HostOrders, "serve">;
  readonly signal: AbortSignal;
  readonly retry: RetryPolicy;
}

export interface HostFailure {
  readonly host: HostId;
  readonly attempts: number;
  readonly error: WireError | undefined;
}

const maxFailures = 32;

export class PreheatChild {
  readonly content: PreheatContent;
  #length: number | null;
  readonly #seed = new PreheatPart();
  /** While it runs. */
  #hosts: ReadonlyMap<HostId, PreheatPart> = new Map();
  #lease: SeedLease | undefined;
  #hostCounts: StateCounts;
  #hostBytes = 0;
  #failures: readonly HostFailure[] = [];

  constructor(content: PreheatContent, hosts: number) {
    this.content = content;
    this.#length = content.length;
    this.#hostCounts = { ...countStates([]), waiting: hosts };
  }

  get state(): PreheatState {
    const counts = { ...this.hostCounts };
    counts[this.#seed.state]++;
    return stateOfAll(counts);
  }

  get seed(): Pick<PreheatPart, "state" | "attempts" | "error" | "bytes"> {
    return this.#seed;
  }

  /** In bytes; null while nobody knows. */
  get length(): number | null {
    return this.#lease?.seed.version.length ?? this.#length;
  }

  get hostCounts(): StateCounts {
    return this.#hosts.size === 0 ? this.#hostCounts : countStates([...this.#hosts.values()].map(({ state }) => state));
  }

  /** Of all machines together. */
  get bytes(): number {
    let bytes = this.#hostBytes + this.seedBytes;
    for (const part of this.#hosts.values()) bytes += part.bytes;
    return bytes;
  }

  get seedBytes(): number {
    return this.#lease === undefined ? this.#seed.bytes : heldBytes(this.#lease);
  }

  get failures(): readonly HostFailure[] {
    return this.#hosts.size === 0 ? this.#failures : failuresIn(this.#hosts);
  }

  /** Resolves when it is over, however it ended. */
  async run(assignment: Assignment, run: ChildRun): Promise<void> {
    const { hosts, seeds, signal, retry } = run;
    const leases: SeedLease[] = [];
    this.#hosts = new Map(hosts.map((host) => [host, new PreheatPart()]));
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const mayMend = ({ originStatus }: DragonflyError): boolean => originStatus === 401 && assignment.renew();
    const seeding = this.#seed.run(
      async () => {
        const lease = await seeds.begin(assignment, signal);
        leases.push(lease);
        this.#lease = lease;
        begin();
        await untilAborted(lease.seed.finished, signal);
      },
      { signal, retry, mayMend },
    );
    try {
      await Promise.race([begun, seeding]);
      await Promise.all([...this.#hosts].map(([host, part]) => this.#serve({ host, part, mayMend }, assignment, run)));
      await seeding;
    } finally {
      this.#settle();
      for (const lease of leases) lease.leave();
    }
  }

  /** It never got its turn. */
  cancel(): void {
    const { waiting, ...rest } = this.#hostCounts;
    this.#seed.end("cancelled");
    this.#hostCounts = { ...rest, waiting: 0, cancelled: rest.cancelled + waiting };
  }

  async #serve(
    { host, part, mayMend }: { host: HostId; part: PreheatPart; mayMend: (error: DragonflyError) => boolean },
    assignment: Assignment,
    { orders, signal, retry }: ChildRun,
  ): Promise<void> {
    // What the seed could not even begin nobody can.
    if (this.#lease === undefined && this.#seed.state !== "running" && this.#seed.state !== "waiting") {
      return part.end(this.#seed.state === "cancelled" ? "cancelled" : "failed", this.#seed.error);
    }
    const onBytes = (bytes: number): void => {
      part.bytes = bytes;
    };
    const work = async (): Promise<void> => {
      const { order } = await assignment.ask(signal);
      await orders.serve(host, { ...order, length: this.length }, { signal, onBytes });
    };
    await part.run(work, { signal, retry, mayMend });
  }

  #settle(): void {
    this.#length = this.length;
    this.#seed.bytes = this.seedBytes;
    this.#hostCounts = countStates([...this.#hosts.values()].map(({ state }) => state));
    this.#hostBytes = [...this.#hosts.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    this.#failures = failuresIn(this.#hosts);
    this.#hosts = new Map();
    this.#lease = undefined;
  }
}

function heldBytes({ seed }: SeedLease): number {
  const { length, pieceLength } = seed.version;
  const { held, endBytes } = seed.holding;
  return Math.min(held.count * pieceLength, length ?? endBytes);
}

function failuresIn(hosts: ReadonlyMap<HostId, PreheatPart>): readonly HostFailure[] {
  const failed = [...hosts].filter(([, { state }]) => state === "failed").slice(0, maxFailures);
  return failed.map(([host, { attempts, error }]) => ({ host, attempts, error }));
}
