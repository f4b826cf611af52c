// How much of its uplink and disk a daemon takes while the host's own work wants them: it halves what it sends each time it finds a resource
// contended for, doubles it again when that is over, and holds back what it receives only where that was not enough. Pure: samples in, limits out.

/** What a host did within one interval. Rates are bytes a second, shares between 0 and 1. */
export interface LoadSample {
  /** Over all links to other machines. */
  readonly sentRate: number;
  /** By this process alone. */
  readonly ownSentRate: number;
  readonly ownReceivedRate: number;
  /** Of what is written to and read from disks, what others do; 0 where that is not known. */
  readonly othersDiskShare: number;
  /** Of the interval, how long some program waited for the disk, for memory, for a processor. */
  readonly diskPressure: number;
  readonly memoryPressure: number;
  readonly cpuPressure: number;
}

/** Bytes a second; Infinity is no limit. */
export interface OwnLimits {
  readonly upload: number;
  readonly download: number;
}

export interface GivingWayTuning {
  /** A link is full from this share of the most that was ever sent over it. */
  readonly fullShare: number;
  /** Others use it from this share of the same; less are headers and acknowledgements. */
  readonly othersShare: number;
  readonly diskPressure: number;
  readonly othersDiskShare: number;
  readonly memoryPressure: number;
  /** Never less than this share of what it did when it was not held back, nor than so much. */
  readonly floorShare: number;
  readonly floorRate: number;
}

export const givingWayTuning: GivingWayTuning = {
  fullShare: 0.85,
  othersShare: 0.1,
  diskPressure: 0.4,
  othersDiskShare: 0.3,
  memoryPressure: 0.2,
  floorShare: 0.05,
  floorRate: 256 * 1024,
};

/** What the kernel has taken from this process and not sent yet counts as its own when it is sent; buffers hold no more than this. */
const mostAheadRate = 8e6;
/** Links are learned from what they carry; what is slower than this is no sign of where they end. */
const smallestLinkRate = 1e6;

export class GivingWay {
  readonly #tuning: GivingWayTuning;
  readonly #upload: Throttle;
  readonly #download: Throttle;
  #linkRate = 0;
  /** Handed to the kernel in earlier intervals, and not seen on the link. */
  #ahead = 0;

  constructor(tuning = givingWayTuning) {
    this.#tuning = tuning;
    this.#upload = new Throttle(tuning);
    this.#download = new Throttle(tuning);
  }

  get limits(): OwnLimits {
    return { upload: this.#upload.limit, download: this.#download.limit };
  }

  get active(): boolean {
    return this.#upload.limit !== Number.POSITIVE_INFINITY;
  }

  step(sample: LoadSample): OwnLimits {
    this.#linkRate = Math.max(this.#linkRate, sample.sentRate);
    const others = this.#othersRate(sample);
    const machine = this.#isMachineContended(sample);
    const wasAtFloor = this.#upload.isAtFloor;
    this.#upload.step(machine || this.#isLinkContended(sample.sentRate, others), sample.ownSentRate);
    this.#download.step(machine && wasAtFloor, sample.ownReceivedRate);
    return this.limits;
  }

  #othersRate({ sentRate, ownSentRate, ownReceivedRate }: LoadSample): number {
    // Headers of what is sent, acknowledgements of what is received.
    const others = sentRate - ownSentRate * 1.06 - ownReceivedRate * 0.04 - this.#ahead;
    this.#ahead = Math.min(mostAheadRate, Math.max(0, -others));
    return others;
  }

  #isLinkContended(sentRate: number, others: number): boolean {
    const { fullShare, othersShare } = this.#tuning;
    if (this.#linkRate < smallestLinkRate) return false;
    const isOthers = others >= othersShare * this.#linkRate;
    // Whoever was given way has the link now: that it is full is no reason to come back.
    return isOthers && (sentRate >= fullShare * this.#linkRate || (this.active && others >= this.#linkRate / 2));
  }

  #isMachineContended({ diskPressure, othersDiskShare, memoryPressure }: LoadSample): boolean {
    const { diskPressure: mostDisk, othersDiskShare: mostOthers, memoryPressure: mostMemory } = this.#tuning;
    return memoryPressure >= mostMemory || (diskPressure >= mostDisk && othersDiskShare >= mostOthers);
  }
}

class Throttle {
  readonly #tuning: GivingWayTuning;
  /** The most it did while nothing held it back. */
  #freeRate = 0;
  limit = Number.POSITIVE_INFINITY;

  constructor(tuning: GivingWayTuning) {
    this.#tuning = tuning;
  }

  get isAtFloor(): boolean {
    return this.limit <= this.#floor;
  }

  step(contended: boolean, rate: number): void {
    const free = this.limit === Number.POSITIVE_INFINITY;
    if (free) this.#freeRate = Math.max(rate, this.#freeRate * 0.99);
    // Who does nothing is in nobody's way, and need not be held back.
    if (contended && (rate > this.#floor || !free)) this.limit = Math.max(this.#floor, Math.min(this.limit, rate) / 2);
    else if (!free) this.limit = this.limit * 2 > this.#freeRate ? Number.POSITIVE_INFINITY : this.limit * 2;
  }

  get #floor(): number {
    return Math.max(this.#tuning.floorRate, this.#freeRate * this.#tuning.floorShare);
  }
}
