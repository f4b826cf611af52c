// The peers of one version and who exchanges with whom: an undirected graph, near-random, of bounded degree.

import type { DownloadFacts } from "./explain.ts";
import type { HostId, TaskId, VersionId } from "./ids.ts";
import type { Random } from "./random.ts";
import type { SchedulerTuning } from "./scheduler-tuning.ts";
import type { Strikes } from "./strikes.ts";

export interface Labels {
  readonly zone?: string | undefined;
  readonly rack?: string | undefined;
}

/** Bytes a second; 0 is unlimited. */
export interface HostLimits {
  readonly download: number;
  readonly upload: number;
}

/** What a host told of what it does beside this program; shares of a second are between 0 and 1. */
export interface HostLoadReport {
  readonly givingWay: boolean;
  readonly othersSentRate: number;
  readonly pressure: { readonly cpu: number; readonly disk: number; readonly memory: number };
}

/** What the scheduler knows of a host. `address` is null for one that can dial but not be dialled. */
export interface Host {
  readonly id: HostId;
  readonly address: string | null;
  readonly labels: Labels;
  /** As it told them; undefined where it did not. */
  readonly limits: HostLimits | undefined;
  readonly peers: Map<VersionId, Peer>;
  readonly strikes: Strikes;
  load?: HostLoadReport;
}

export type PeerState = "fetching" | "complete";

export interface BytesBySource {
  readonly peers: number;
  readonly supernode: number;
  readonly origin: number;
}

/** One host's part in one version. */
export interface Peer {
  readonly host: Host;
  state: PeerState;
  /** Position in the swarm's array. */
  at: number;
  readonly neighbours: Peer[];
  heldPieces: number;
  from: BytesBySource;
  /** What it measured, as of its last report. */
  facts: DownloadFacts | undefined;
  /** It said that it holds some of the version, or all, not having it from here. */
  offers: boolean;
  /** The origin lets it have the version: it may read, where one that only offers may not. */
  admitted: boolean;
}

/** Of all who have not reported: most peers of a large cluster are old and small. */
const nothingYet: BytesBySource = Object.freeze({ peers: 0, supernode: 0, origin: 0 });

export type SeedState = "idle" | "reading" | "complete" | "failed";

export class Swarm {
  readonly version: VersionId;
  readonly task: TaskId;
  readonly peers: Peer[] = [];
  seed: SeedState = "idle";

  constructor(version: VersionId, task: TaskId) {
    this.version = version;
    this.task = task;
  }

  /** The host's peer, made if there is none. */
  join(host: Host, state: PeerState): Peer {
    const known = host.peers.get(this.version);
    if (known !== undefined) return known;
    const at = this.peers.length;
    const peer: Peer = {
      host,
      state,
      at,
      neighbours: [],
      heldPieces: 0,
      from: nothingYet,
      facts: undefined,
      offers: false,
      admitted: false,
    };
    this.peers.push(peer);
    host.peers.set(this.version, peer);
    return peer;
  }

  leave(peer: Peer): void {
    for (const neighbour of [...peer.neighbours]) this.unlink(peer, neighbour);
    const last = this.peers.pop();
    if (last !== undefined && last !== peer) {
      this.peers[peer.at] = last;
      last.at = peer.at;
    }
    peer.host.peers.delete(this.version);
  }

  /** From here on it only gives: with others who only give it has nothing to exchange. */
  complete(peer: Peer): void {
    if (peer.state === "complete") return;
    peer.state = "complete";
    for (const neighbour of [...peer.neighbours]) if (neighbour.state === "complete") this.unlink(peer, neighbour);
  }

  link(a: Peer, b: Peer): void {
    a.neighbours.push(b);
    b.neighbours.push(a);
  }

  unlink(a: Peer, b: Peer): void {
    removeFrom(a.neighbours, b);
    removeFrom(b.neighbours, a);
  }

  /** Another host holds all of it, as far as hosts told. */
  isHeldBeside(host: HostId | undefined): boolean {
    return this.peers.some((peer) => peer.state === "complete" && peer.host.id !== host);
  }

  /**
   * Up to `count` fresh neighbours for a peer: a few more are drawn at random than needed, and the near ones among them are preferred but
   * for the far share, so that racks keep their traffic and the graph stays an expander.
   */
  chooseNeighbours(peer: Peer, count: number, random: Random, tuning: SchedulerTuning): Peer[] {
    const labelled = peer.host.labels.zone !== undefined || peer.host.labels.rack !== undefined;
    const draw = labelled ? count * 3 : count;
    const drawn: Peer[] = [];
    const tries = Math.min(draw * 4, this.peers.length * 3);
    for (let i = 0; i < tries && drawn.length < draw; i++) {
      const other = this.peers[random.integer(this.peers.length)];
      if (other !== undefined && this.#suits(peer, other, tuning) && !drawn.includes(other)) drawn.push(other);
    }
    if (drawn.length < count) this.#sweep(peer, drawn, count, random, tuning);
    if (!labelled || drawn.length <= count) return drawn.slice(0, count);
    const far = Math.ceil(count * tuning.farShare);
    const rest = drawn.slice(far);
    rest.sort((a, b) => distance(peer.host.labels, a.host.labels) - distance(peer.host.labels, b.host.labels));
    return [...drawn.slice(0, far), ...rest.slice(0, count - far)];
  }

  /** What random draws missed, in a small or nearly exhausted swarm: everybody from a random place on, within bounds. */
  #sweep(peer: Peer, drawn: Peer[], count: number, random: Random, tuning: SchedulerTuning): void {
    const steps = Math.min(this.peers.length, 64);
    const start = random.integer(this.peers.length);
    for (let i = 0; i < steps && drawn.length < count; i++) {
      const other = this.peers[(start + i) % this.peers.length];
      if (other !== undefined && this.#suits(peer, other, tuning) && !drawn.includes(other)) drawn.push(other);
    }
  }

  #suits(peer: Peer, other: Peer, tuning: SchedulerTuning): boolean {
    if (other === peer || other.neighbours.length >= neighbourLimit(other.host, tuning)) return false;
    if (peer.neighbours.includes(other)) return false;
    if (peer.state === "complete" && other.state === "complete") return false;
    // Whoever wants bytes dials: a complete peer that cannot be dialled is of no use.
    if (other.host.address === null && (other.state === "complete" || peer.host.address === null)) return false;
    return true;
  }
}

/** Neighbours that a host may have in one version. */
export function neighbourLimit({ strikes, load }: Host, tuning: SchedulerTuning): number {
  if (strikes.isolated) return 0;
  if (strikes.onProbation) return tuning.probationNeighbours;
  // Whoever gives way has little to give: the others have more from others.
  return load?.givingWay === true ? tuning.maxNeighbours >> 1 : tuning.maxNeighbours;
}

function removeFrom(peers: Peer[], peer: Peer): void {
  const at = peers.indexOf(peer);
  if (at < 0) return;
  const last = peers.pop() as Peer;
  if (at < peers.length) peers[at] = last;
}

function distance(a: Labels, b: Labels): number {
  if (a.rack !== undefined && a.rack === b.rack && a.zone === b.zone) return 0;
  return a.zone !== undefined && a.zone === b.zone ? 1 : 2;
}
