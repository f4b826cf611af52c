// Introductions that wait to be told. Answers to registrations go first, and a host that was given to many newcomers at once hears of
// them in one message: in a rush there are several times as many introductions as answers.

import type { HostId, VersionId } from "../core/ids.ts";
import type { Host } from "../core/swarm.ts";
import type { NeighbourAddress } from "../wire/control.ts";

/** Nobody waits for these: the newcomer, who has its answer, dials at once. */
const gatherMs = 10;
/** Then whatever has come in meanwhile gets its turn. */
const hostsPerTurn = 64;

/** As they are told. */
export function addressesOf(hosts: readonly Host[], version: VersionId): NeighbourAddress[] {
  return hosts.map(({ id, address, peers }) =>
    peers.get(version)?.admitted === true ? { id, address } : { id, address, onlyGives: true },
  );
}

type Tell = (host: HostId, version: VersionId, neighbours: readonly Host[]) => void;

export class Introductions {
  readonly #tell: Tell;
  /** At most as many neighbours a version as a peer may have: who is dropped has been told before. */
  readonly #waiting = new Map<HostId, Map<VersionId, Host[]>>();
  #turn: NodeJS.Timeout | undefined;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  add(host: HostId, version: VersionId, neighbours: readonly Host[]): void {
    const versions = this.#waiting.get(host) ?? new Map<VersionId, Host[]>();
    this.#waiting.set(host, versions);
    const waiting = versions.get(version);
    if (waiting === undefined) versions.set(version, [...neighbours]);
    else waiting.push(...neighbours);
    this.#turn ??= setTimeout(() => this.#tellSome(), gatherMs);
  }

  /** Tells a host what waits for it, because something else that is to be told must come after it. */
  flush(host: HostId): void {
    const versions = this.#waiting.get(host);
    if (versions === undefined) return;
    this.#waiting.delete(host);
    for (const [version, neighbours] of versions) this.#tell(host, version, neighbours);
  }

  forget(host: HostId): void {
    this.#waiting.delete(host);
  }

  close(): void {
    clearTimeout(this.#turn);
    this.#waiting.clear();
  }

  #tellSome(): void {
    let left = hostsPerTurn;
    for (const host of this.#waiting.keys()) {
      if (left-- === 0) break;
      this.flush(host);
    }
    this.#turn = this.#waiting.size === 0 ? undefined : setTimeout(() => this.#tellSome(), 0);
  }
}
