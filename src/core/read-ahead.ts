// How far a seed reads ahead of what it has given, where another supernode would take over: what it read and gave to nobody goes with it, and is
// read from the origin again. Little is kept ready then, and taken in small parts while hosts are slower than the origin.

export interface ReadAheadTuning {
  /** Read and with nobody yet, at the most. */
  readonly pieces: number;
  /** Nobody took anything for so long: it reads on all the same, slowly. */
  readonly patienceMs: number;
}

export const readAheadTuning: ReadAheadTuning = { pieces: 6, patienceMs: 500 };

export class ReadAhead {
  readonly #tuning: ReadAheadTuning;
  readonly #pieceLength: number;
  #partBytes: number;
  #lastTaken = 0;
  #grownAtTaken = 0;
  #movedAtMs = Number.NEGATIVE_INFINITY;

  constructor(pieceLength: number, tuning = readAheadTuning) {
    this.#tuning = tuning;
    this.#pieceLength = pieceLength;
    this.#partBytes = pieceLength;
  }

  /** How much the next part may be, in bytes, with so many pieces read that nobody has, after so many that somebody took; 0 is not yet. */
  next(ahead: number, taken: number, nowMs: number): number {
    if (taken !== this.#lastTaken) this.#movedAtMs = nowMs;
    this.#lastTaken = taken;
    const { pieces, patienceMs } = this.#tuning;
    if (ahead >= pieces) {
      // Hosts are slower: what is begun must be small, or the bound means nothing.
      this.#partBytes = this.#pieceLength;
      if (nowMs - this.#movedAtMs < patienceMs) return 0;
      this.#movedAtMs = nowMs;
      return this.#partBytes;
    }
    // Not before anything was taken: what is on its way counts for nothing here.
    if (ahead * 2 <= pieces && taken > this.#grownAtTaken) {
      this.#partBytes *= 2;
      this.#grownAtTaken = taken;
    }
    return this.#partBytes;
  }
}
