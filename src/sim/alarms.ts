// When each host's download wants to be woken. That changes with nearly everything a host hears, so an event once made is not taken back:
// when it comes, a look here tells whether it is time, and the host itself, far away in memory, need not be asked.

import { eventKind } from "./event-kind.ts";
import type { EventQueue } from "./event-queue.ts";

export class Alarms {
  readonly #queue: EventQueue;
  readonly #wantedMs: Float64Array;
  /** The earliest event under way for a host; Infinity for none. */
  readonly #setMs: Float64Array;

  constructor(queue: EventQueue, hosts: number) {
    this.#queue = queue;
    this.#wantedMs = new Float64Array(hosts).fill(Number.POSITIVE_INFINITY);
    this.#setMs = new Float64Array(hosts).fill(Number.POSITIVE_INFINITY);
  }

  /** Infinity for never. */
  want(host: number, atMs: number): void {
    this.#wantedMs[host] = atMs;
    if (atMs < (this.#setMs[host] as number)) this.#set(host, atMs);
  }

  /** An event came. Returns whether the host is to be woken; it then says anew what it wants. */
  rings(host: number): boolean {
    this.#setMs[host] = Number.POSITIVE_INFINITY;
    const wantedMs = this.#wantedMs[host] as number;
    if (wantedMs <= this.#queue.timeMs) return true;
    if (wantedMs < Number.POSITIVE_INFINITY) this.#set(host, wantedMs);
    return false;
  }

  #set(host: number, atMs: number): void {
    this.#setMs[host] = atMs;
    this.#queue.push(atMs, eventKind.wake, host);
  }
}
