// What a download waited for, from looks at it taken several times a second: nothing is counted on the way of the bytes. Pure; whoever looks
// brings what is seen.

import type { DownloadMoment } from "./download-moment.ts";

/**
 * `limit`: a rate limit of this host. `origin`: pieces that the supernode, or this host itself, has not read yet. `peers`, `seed`: bytes
 * that were asked for there, or a place in their lines. `nobody`: nobody near has what is missing.
 */
export const waits = ["limit", "disk", "processor", "origin", "seed", "peers", "nobody"] as const;
export type Wait = (typeof waits)[number];

/** One look. */
export interface Look {
  readonly moment: DownloadMoment;
  /** More pieces wait for the disk than one that keeps up would leave. */
  readonly diskBehind: boolean;
  /** The share of the time since the last look in which this process was at work, 0 to 1. */
  readonly busy: number;
  /** Received since the download began. */
  readonly bytes: number;
}

const atWork = 0.9;
/** So many looks are remembered for the spread of the rate. */
const remembered = 128;
/** And so many make the best second. */
const looksPerSecond = 5;

export function waitOf({ moment, diskBehind, busy }: Look): Wait {
  const { limited, atOrigin, sealed, open, slotFree, askedOfPeers, askedOfSeed, useful, seedUp } = moment;
  if (limited) return "limit";
  if (diskBehind) return "disk";
  if (busy >= atWork) return "processor";
  if (atOrigin || (!sealed && open === 0 && slotFree)) return "origin";
  // The seed is asked last: while neighbours have something, they are who is not fast enough.
  if (useful > 0 || askedOfPeers > askedOfSeed) return "peers";
  return seedUp || askedOfSeed > 0 ? "seed" : "nobody";
}

export class Waiting {
  readonly #looks: Record<Wait, number> = { limit: 0, disk: 0, processor: 0, origin: 0, seed: 0, peers: 0, nobody: 0 };
  readonly #steps: number[] = [];
  #count = 0;
  #asking = 0;
  #sources = 0;
  #full = 0;
  #bytes = 0;
  #bestBytes = 0;
  #lastSecond: number[] = [];

  look(look: Look): void {
    const { moment, bytes } = look;
    const step = Math.max(0, bytes - this.#bytes);
    this.#bytes = bytes;
    this.#count++;
    this.#looks[waitOf(look)]++;
    this.#lastSecond.push(step);
    if (this.#lastSecond.length > looksPerSecond) this.#lastSecond.shift();
    this.#bestBytes = Math.max(
      this.#bestBytes,
      this.#lastSecond.reduce((sum, one) => sum + one, 0),
    );
    if (moment.askedOfPeers + moment.askedOfSeed === 0) return;
    this.#asking++;
    this.#sources += moment.sources;
    if (!moment.slotFree) this.#full++;
    this.#steps.push(step);
    if (this.#steps.length > remembered) this.#steps.shift();
  }

  get count(): number {
    return this.#count;
  }

  /** Looks by what was waited for. */
  get looks(): Readonly<Record<Wait, number>> {
    return { ...this.#looks };
  }

  /** Hosts that were asked at a time, while some were. */
  get sources(): number {
    return this.#asking === 0 ? 0 : this.#sources / this.#asking;
  }

  /** The part of the looks at which nothing more would have been asked of anybody: as much as the delay needs was on its way. */
  get full(): number {
    return this.#asking === 0 ? 0 : this.#full / this.#asking;
  }

  /** Of the second in which most came. */
  get bestBytesPerSecond(): number {
    return this.#bestBytes;
  }

  /**
   * How far the rate strays while bytes are asked for: four of five looks are nearer to its median, as a share of that. A pipe that is full
   * runs steadily; who waits for many others gets now much, now little. Null before there is enough to tell.
   */
  get spread(): number | null {
    if (this.#steps.length < looksPerSecond * 2) return null;
    const middle = quantile(this.#steps, 0.5);
    if (middle === 0) return null;
    const distances = this.#steps.map((step) => Math.abs(step - middle));
    return quantile(distances, 0.8) / middle;
  }
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? 0;
}
