// The writes of a disk: a few at a time. Those that must wait begin in the order of their places, not of their coming: the next is the one that
// lies nearest after the last that was begun in the same file, so that a disk that is behind is written in file order. Nobody waits for ever: the
// oldest begins when so many others were taken before it.

/** A write that waits. */
export interface Place {
  /** Told apart by identity. */
  readonly file: object;
  readonly offset: number;
}

interface Waiting extends Place {
  /** Writes that had begun when it came. */
  readonly since: number;
  readonly begin: () => void;
}

/** Writes that may begin before the oldest. */
export const mostPassing = 64;

/** Which of those that wait, the oldest first, begins after `last`: an index. */
export function nextWrite(waiting: readonly Place[], last: Place | undefined): number {
  const file = waiting.some((one) => one.file === last?.file) ? last?.file : waiting[0]?.file;
  let after = -1;
  let first = 0;
  for (const [at, one] of waiting.entries()) {
    if (one.file !== file) continue;
    if (waiting[first]?.file !== file || one.offset < (waiting[first]?.offset ?? 0)) first = at;
    const isAfter = last?.file === file && one.offset >= last.offset;
    if (isAfter && (after < 0 || one.offset < (waiting[after]?.offset ?? 0))) after = at;
  }
  // At the file's end it begins anew at its front.
  return after < 0 ? first : after;
}

export class WriteLine {
  #free: number;
  #begun = 0;
  #last: Place | undefined;
  readonly #waiting: Waiting[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(place: Place, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free--;
      this.#begins(place);
    } else await new Promise<void>((begin) => this.#waiting.push({ since: this.#begun, begin, ...place }));
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) {
      this.#free++;
      return;
    }
    const isLate = this.#begun - oldest.since > mostPassing;
    const [next = oldest] = this.#waiting.splice(isLate ? 0 : nextWrite(this.#waiting, this.#last), 1);
    this.#begins(next);
    next.begin();
  }

  #begins(place: Place): void {
    this.#begun++;
    this.#last = place;
  }
}
