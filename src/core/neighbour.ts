// What a download knows of one neighbour: what it holds, how fast it answers, and whether it may be asked now.

import { Bitset } from "./bitset.ts";
import type { HostId } from "./ids.ts";

/** `dialling` until its first bitmap arrives; a seed holds whatever the manifest knows and needs no bitmap. */
export type NeighbourState = "dialling" | "up";

/**
 * Times and rates are whole numbers, which the engine keeps inside the object, and what is looked at most comes first: a simulation of a
 * large swarm is bound by memory access.
 */
export class Neighbour {
  readonly seed: boolean;
  state: NeighbourState = "dialling";
  /** Pieces it holds and the download lacks. */
  interest = 0;
  /** It said busy, or stalled: not to be asked before this time. */
  freeAtMs = 0;
  /** Requests that it has not answered. */
  inFlight = 0;
  /** Smoothed bytes a second from request to last byte, waiting included; 0 before the first piece. */
  rate = 0;
  readonly held: Bitset;
  readonly id: HostId;
  /** Stalls since its last piece. */
  stalls = 0;
  rttMs = 0;
  #stalledAtMs = Number.NEGATIVE_INFINITY;

  /** `pieces` is how many there may be, as far as is known. */
  constructor(id: HostId, seed: boolean, pieces = 0) {
    this.id = id;
    this.seed = seed;
    this.held = new Bitset(seed ? 0 : pieces);
  }

  /** One answered request. */
  answered(bytes: number, tookMs: number): void {
    const measured = (bytes / Math.max(1, tookMs)) * 1000;
    this.rate = Math.round(this.rate === 0 ? measured : this.rate * 0.75 + measured * 0.25);
    this.stalls = 0;
  }

  /** Requests that went nowhere, those of one moment counted once: away for a second, twice that the next time, and last in line afterwards. */
  stalled(nowMs: number): void {
    if (this.#stalledAtMs === nowMs) return;
    this.#stalledAtMs = nowMs;
    this.freeAtMs = Math.ceil(nowMs + 1000 * 2 ** Math.min(this.stalls, 5));
    this.stalls++;
    this.rate = Math.round(this.rate / 4);
  }
}
