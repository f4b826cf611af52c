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

/** Whom to tell of, each with the version. One list a host, however many versions: in a rush there are ten thousand. */
type Waiting = (VersionId | Host)[];

export class Introductions {
  readonly #tell: Tell;
  /** At most as many neighbours a version as a peer may have: who is dropped has been told before. */
  readonly #waiting = new Map<HostId, Waiting>();
  #turn: NodeJS.Timeout | undefined;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  add(host: HostId, version: VersionId, neighbours: readonly Host[]): void {
    let waiting = this.#waiting.get(host);
    if (waiting === undefined) {
      waiting = [];
      this.#waiting.set(host, waiting);
    }
    for (const neighbour of neighbours) waiting.push(version, neighbour);
    this.#turn ??= setTimeout(() => this.#tellSome(), gatherMs);
  }

  /** Tells a host what waits for it, because something else that is to be told must come after it. */
  flush(host: HostId): void {
    const waiting = this.#waiting.get(host);
    if (waiting === undefined) return;
    this.#waiting.delete(host);
    for (const [version, neighbours] of byVersion(waiting)) this.#tell(host, version, neighbours);
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

function byVersion(waiting: Waiting): Map<VersionId, Host[]> {
  const versions = new Map<VersionId, Host[]>();
  for (let at = 0; at < waiting.length; at += 2) {
    const [version, neighbour] = [waiting[at] as VersionId, waiting[at + 1] as Host];
    const known = versions.get(version);
    if (known === undefined) versions.set(version, [neighbour]);
    else known.push(neighbour);
  }
  return versions;
}
