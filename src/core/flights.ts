// A download's requests in flight, and how many slots they take.

import type { HostId, PieceIndex } from "./ids.ts";
import type { Neighbour } from "./neighbour.ts";

export interface Flight {
  readonly from: Neighbour;
  /** undefined until the seed says which one it grants. */
  piece: PieceIndex | undefined;
  readonly askedAtMs: number;
  /** What it takes of the slots: less when it is asked of a slow neighbour, which brings less in the same time. */
  readonly slots: number;
  /** When it was asked, or bytes of it came last. */
  movedAtMs: number;
  /** What it was given more time, because this host was held up itself. */
  excusedMs: number;
}

export class Flights {
  readonly #max: number;
  readonly #all: Flight[] = [];
  #slotsTaken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get all(): readonly Flight[] {
    return this.#all;
  }

  get count(): number {
    return this.#all.length;
  }

  get slotsTaken(): number {
    return this.#slotsTaken;
  }

  hasSlot(slots: number): boolean {
    return this.#slotsTaken < slots && this.#all.length < this.#max;
  }

  find(id: HostId, piece: PieceIndex | undefined): Flight | undefined {
    for (const flight of this.#all) if (flight.piece === piece && flight.from.id === id) return flight;
    return undefined;
  }

  /** How many bring this piece. */
  countOf(piece: PieceIndex): number {
    let count = 0;
    for (const flight of this.#all) if (flight.piece === piece) count++;
    return count;
  }

  /** Those from a neighbour, in an array of their own. */
  from(neighbour: Neighbour): readonly Flight[] {
    return this.#all.filter((flight) => flight.from === neighbour);
  }

  /** So much time does not count for those in the air now; once for each, so that nobody is excused for ever. */
  excuse(ms: number): void {
    for (const flight of this.#all) {
      if (flight.excusedMs === 0) flight.excusedMs = ms;
    }
  }

  takeOff(flight: Flight): void {
    flight.from.asked();
    this.#slotsTaken += flight.slots;
    this.#all.push(flight);
  }

  land(flight: Flight): void {
    this.#all.splice(this.#all.indexOf(flight), 1);
    this.#slotsTaken -= flight.slots;
    flight.from.done();
  }

  clear(): void {
    this.#all.length = 0;
    this.#slotsTaken = 0;
  }
}
