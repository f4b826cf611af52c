// What a download knows of one neighbour: what it holds, how fast it answers, and whether it may be asked now.

import { Bitset } from "./bitset.ts";
import type { HostId } from "./ids.ts";

/** `dialling` until its first bitmap arrives; a seed holds whatever the manifest knows and needs no bitmap. */
export type NeighbourState = "dialling" | "up";

export class Neighbour {
  readonly id: HostId;
  readonly seed: boolean;
  state: NeighbourState = "dialling";
  held = new Bitset();
  /** Pieces it holds and the download lacks. */
  interest = 0;
  /** Requests that it has not answered. */
  inFlight = 0;
  /** It said busy, or stalled: not to be asked before this time. */
  freeAtMs = 0;
  /** Smoothed bytes a second from request to last byte, waiting included; 0 before the first piece. */
  rate = 0;
  /** Stalls since its last piece. */
  stalls = 0;
  rttMs = 0;

  constructor(id: HostId, seed: boolean) {
    this.id = id;
    this.seed = seed;
  }

  /** One answered request. */
  answered(bytes: number, tookMs: number): void {
    const measured = (bytes / Math.max(1, tookMs)) * 1000;
    this.rate = this.rate === 0 ? measured : this.rate * 0.75 + measured * 0.25;
    this.stalls = 0;
  }

  /** One request that went nowhere: away for a second, twice that the next time, and last in line afterwards. */
  stalled(nowMs: number): void {
    this.freeAtMs = nowMs + 1000 * 2 ** Math.min(this.stalls, 5);
    this.stalls++;
    this.rate /= 4;
  }
}
