// A download's neighbours together: who holds what, how rare each piece is among them, and who of them may be asked now.

import type { Bitset } from "./bitset.ts";
import { Candidates } from "./candidates.ts";
import type { HostId, PieceIndex } from "./ids.ts";
import { Neighbour } from "./neighbour.ts";
import { NeighbourTable } from "./neighbour-table.ts";
import type { PieceRow } from "./piece-choice.ts";
import type { Pieces } from "./pieces.ts";

const NEVER = Number.POSITIVE_INFINITY;

export class Neighbourhood {
  readonly #pieces: Pieces;
  readonly #byId = new Map<HostId, Neighbour>();
  /** The same by row. */
  readonly #all: Neighbour[] = [];
  readonly #seeds: Neighbour[] = [];
  readonly #table: NeighbourTable;
  #rarity: Uint16Array;
  #rttMs = 0;
  #nextFreeMs = NEVER;

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
    this.#table = new NeighbourTable(pieces.count);
    this.#rarity = new Uint16Array(Math.max(32, pieces.count));
  }

  get all(): readonly Neighbour[] {
    return this.#all;
  }

  get seeds(): readonly Neighbour[] {
    return this.#seeds;
  }

  /** How many neighbours hold each piece. Another array once it has grown. */
  get rarity(): Uint16Array {
    return this.#rarity;
  }

  /** The farthest neighbour's. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** When the first of those that are busy may be asked again, as of the last `free`. */
  get nextFreeMs(): number {
    return this.#nextFreeMs;
  }

  /** Those that answered, the seed not counted. */
  get upCount(): number {
    let count = 0;
    for (const neighbour of this.#all) if (!neighbour.seed && neighbour.state === "up") count++;
    return count;
  }

  /** Nobody but the seed was introduced. */
  get alone(): boolean {
    for (const { seed } of this.#all) if (!seed) return false;
    return true;
  }

  get(id: HostId): Neighbour | undefined {
    return this.#byId.get(id);
  }

  /** Returns whether it is new. */
  meet(id: HostId, seed: boolean): boolean {
    if (this.#byId.has(id)) return false;
    const neighbour = new Neighbour(id, seed, this.#table);
    this.#byId.set(id, neighbour);
    this.#all.push(neighbour);
    if (seed) this.#seeds.push(neighbour);
    return true;
  }

  /** It answered, or told anew, what it holds. Returns whether it is one of them. */
  learn(id: HostId, held: Bitset, rttMs: number | undefined): boolean {
    const neighbour = this.#byId.get(id);
    if (neighbour === undefined) return false;
    neighbour.up();
    if (rttMs !== undefined) {
      neighbour.rttMs = rttMs;
      this.#rttMs = Math.max(this.#rttMs, rttMs);
    }
    if (neighbour.seed) return true;
    this.#forgetAll(neighbour);
    for (const piece of held) this.#note(neighbour, piece);
    return true;
  }

  /** It gained these. Returns whether there is something new to ask for; what the download holds itself is not worth noting of others. */
  hear(neighbour: Neighbour, gained: readonly PieceIndex[]): boolean {
    const { held, open } = this.#pieces;
    let news = false;
    for (const piece of gained) {
      if (held.has(piece)) continue;
      this.#note(neighbour, piece);
      if (open.has(piece)) news = true;
    }
    return news;
  }

  /** It does not hold the piece after all. Returns whether it had said so. */
  forget(neighbour: Neighbour, piece: PieceIndex): boolean {
    if (!this.#table.forget(neighbour.row, piece)) return false;
    this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
    if (!this.#pieces.held.has(piece)) this.#table.addInterest(neighbour.row, -1);
    return true;
  }

  leave(neighbour: Neighbour): void {
    this.#forgetAll(neighbour);
    this.#byId.delete(neighbour.id);
    this.#all.splice(neighbour.row, 1);
    if (neighbour.seed) this.#seeds.splice(this.#seeds.indexOf(neighbour), 1);
    this.#table.remove(neighbour.row);
    for (let row = neighbour.row; row < this.#all.length; row++) (this.#all[row] as Neighbour).row = row;
    this.#rttMs = 0;
    for (const { rttMs } of this.#all) this.#rttMs = Math.max(this.#rttMs, rttMs);
  }

  /** The download holds the piece now: nobody is of interest for it any more. */
  gained(piece: PieceIndex): void {
    const table = this.#table;
    for (let row = 0; row < table.count; row++) if (table.holds(row, piece)) table.addInterest(row, -1);
  }

  /** What it holds; true until this is asked again. */
  heldBy(row: number): PieceRow {
    return this.#table.held(row);
  }

  /**
   * Peers that have something, are not busy, and have fewer requests to answer than is their share of `slots` or `perNeighbour`,
   * whichever is more. The same object each time.
   */
  free(nowMs: number, slots: number, perNeighbour: number): Candidates {
    const table = this.#table;
    this.#nextFreeMs = NEVER;
    let useful = 0;
    candidates.clear();
    for (let row = 0; row < table.count; row++) {
      const freeAtMs = table.freeAtMs(row);
      if (table.interest(row) === 0 || freeAtMs === NEVER) continue;
      useful++;
      if (nowMs >= freeAtMs) candidates.add(row, table.rate(row));
      else if (freeAtMs < this.#nextFreeMs) this.#nextFreeMs = freeAtMs;
    }
    const cap = Math.max(perNeighbour, Math.ceil(slots / Math.max(1, useful)));
    candidates.keep((row) => table.inFlight(row) < cap);
    return candidates;
  }

  #note(neighbour: Neighbour, piece: PieceIndex): void {
    if (!this.#table.note(neighbour.row, piece)) return;
    if (piece >= this.#rarity.length) this.#growRarity(piece);
    this.#rarity[piece] = (this.#rarity[piece] as number) + 1;
    if (!this.#pieces.held.has(piece)) this.#table.addInterest(neighbour.row, 1);
  }

  #forgetAll({ row }: Neighbour): void {
    for (let piece = 0; piece < this.#rarity.length; piece++) {
      if (this.#table.holds(row, piece)) this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
    }
    this.#table.forgetAll(row);
  }

  #growRarity(piece: PieceIndex): void {
    const grown = new Uint16Array(Math.max(piece + 1, this.#rarity.length * 2));
    grown.set(this.#rarity);
    this.#rarity = grown;
  }
}

/** Of all downloads: it is full only between a question and its answer. */
const candidates = new Candidates();
