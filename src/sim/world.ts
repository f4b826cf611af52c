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
  readonly ids: readonly HostId[];
  readonly #numbers = new Map<HostId, number>();
  readonly #words: number;
  readonly #held: Uint32Array;

  constructor(parts: Pick<World, "queue" | "alarms" | "network" | "latencyMs" | "file" | "ids">) {
    this.queue = parts.queue;
    this.alarms = parts.alarms;
    this.network = parts.network;
    this.latencyMs = parts.latencyMs;
    this.file = parts.file;
    this.ids = parts.ids;
    this.#words = (parts.file.pieces + 31) >>> 5;
    this.#held = new Uint32Array(parts.ids.length * this.#words);
    for (const [number, id] of parts.ids.entries()) this.#numbers.set(id, number);
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

  id(node: number): HostId {
    return this.ids[node] as HostId;
  }

  number(id: HostId): number {
    return this.#numbers.get(id) ?? -1;
  }

  /** A small message from one node to another. */
  tell(kind: number, to: number, from: number, piece = 0): void {
    this.queue.push(this.queue.timeMs + this.latencyMs, kind, to, from, piece);
  }

  tellScheduler(from: number, event: SchedulerEvent): void {
    this.queue.pushWith(this.queue.timeMs + this.latencyMs, eventKind.control, [from, 0], event);
  }
}
