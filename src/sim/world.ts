// What all nodes of a simulation share: the clock and its events, the network, the file, and the way from a host's id to its number.

import type { HostId, TaskId, VersionId } from "../core/ids.ts";
import type { SchedulerEvent } from "../core/scheduler-event.ts";
import type { Alarms } from "./alarms.ts";
import { eventKind } from "./event-kind.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Network } from "./network.ts";

export interface SimulatedFile {
  readonly task: TaskId;
  readonly version: VersionId;
  readonly length: number;
  readonly pieceLength: number;
  readonly pieces: number;
}

export class World {
  readonly queue: EventQueue;
  readonly alarms: Alarms;
  readonly network: Network;
  readonly latencyMs: number;
  readonly file: SimulatedFile;
  readonly #words: number;
  readonly #held: Uint32Array;

  constructor(parts: Pick<World, "queue" | "alarms" | "network" | "latencyMs" | "file">, nodes: number) {
    this.queue = parts.queue;
    this.alarms = parts.alarms;
    this.network = parts.network;
    this.latencyMs = parts.latencyMs;
    this.file = parts.file;
    this.#words = (parts.file.pieces + 31) >>> 5;
    this.#held = new Uint32Array(nodes * this.#words);
  }

  /** Notes that a node holds a piece. */
  gained(node: number, piece: number): void {
    const at = node * this.#words + (piece >>> 5);
    this.#held[at] = (this.#held[at] as number) | (1 << (piece & 31));
  }

  /** One small array for all nodes, because it is asked for every message. */
  holds(node: number, piece: number): boolean {
    return ((this.#held[node * this.#words + (piece >>> 5)] as number) & (1 << (piece & 31))) !== 0;
  }

  holdsAll(node: number, pieces: readonly number[]): boolean {
    for (let at = 0; at < pieces.length; at++) if (!this.holds(node, pieces[at] as number)) return false;
    return true;
  }

  get nowMs(): number {
    return this.queue.timeMs;
  }

  /** The core only compares ids, so a number serves as one: a name would be looked up for every message. */
  id(node: number): HostId {
    return node as unknown as HostId;
  }

  number(id: HostId): number {
    return id as unknown as number;
  }

  /** A small message from one node to another. */
  tell(kind: number, to: number, from: number, piece = 0): void {
    this.queue.push(this.queue.timeMs + this.latencyMs, kind, to, from, piece);
  }

  tellScheduler(from: number, event: SchedulerEvent): void {
    this.queue.pushWith(this.queue.timeMs + this.latencyMs, eventKind.control, [from, 0], event);
  }
}
