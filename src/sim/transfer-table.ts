// The transfers under way, as rows of typed arrays that are used again. A row is free when it has left its line and no event names it.

export class TransferTable {
  from = new Int32Array(1024);
  to = new Int32Array(1024);
  piece = new Int32Array(1024);
  bytes = new Int32Array(1024);
  fresh = new Uint8Array(1024);
  /** 1 from when its first block enters the uplink. */
  begun = new Uint8Array(1024);
  blocksLeft = new Int32Array(1024);
  startedMs = new Float64Array(1024);
  /** No block that leaves the uplink later exists; Infinity unless cancelled. */
  stopMs = new Float64Array(1024);
  /** When the receiver was last told of progress. */
  toldMs = new Float64Array(1024);
  /** Events that name the row. */
  readonly #events: number[] = [];
  readonly #free: number[] = [];

  add(ends: readonly [from: number, to: number], piece: number, bytes: number, fresh: boolean): number {
    const row = this.#free.pop() ?? this.#append();
    this.from[row] = ends[0];
    this.to[row] = ends[1];
    this.piece[row] = piece;
    this.bytes[row] = bytes;
    this.fresh[row] = fresh ? 1 : 0;
    this.begun[row] = 0;
    this.stopMs[row] = Number.POSITIVE_INFINITY;
    this.toldMs[row] = Number.NEGATIVE_INFINITY;
    return row;
  }

  expectEvent(row: number): void {
    this.#events[row] = (this.#events[row] as number) + 1;
  }

  /** One of the events that name the row is over. */
  eventOver(row: number): void {
    const left = (this.#events[row] as number) - 1;
    this.#events[row] = left;
    if (left === 0) this.#free.push(row);
  }

  /** For a row that never left its line. */
  remove(row: number): void {
    this.#free.push(row);
  }

  #append(): number {
    const row = this.#events.push(0) - 1;
    if (row === this.from.length) this.#grow(row * 2);
    return row;
  }

  #grow(length: number): void {
    this.from = extended(new Int32Array(length), this.from);
    this.to = extended(new Int32Array(length), this.to);
    this.piece = extended(new Int32Array(length), this.piece);
    this.bytes = extended(new Int32Array(length), this.bytes);
    this.fresh = extended(new Uint8Array(length), this.fresh);
    this.begun = extended(new Uint8Array(length), this.begun);
    this.blocksLeft = extended(new Int32Array(length), this.blocksLeft);
    this.startedMs = extended(new Float64Array(length), this.startedMs);
    this.stopMs = extended(new Float64Array(length), this.stopMs);
    this.toldMs = extended(new Float64Array(length), this.toldMs);
  }
}

function extended<T extends Float64Array | Int32Array | Uint8Array>(into: T, from: T): T {
  into.set(from);
  return into;
}
