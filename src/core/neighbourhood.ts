// A download's neighbours together: who holds what, how rare each piece is among them, and who of them may be asked now.

import type { Bitset } from "./bitset.ts";
import type { HostId, PieceIndex } from "./ids.ts";
import { Neighbour } from "./neighbour.ts";
import type { Pieces } from "./pieces.ts";

const NEVER = Number.POSITIVE_INFINITY;

export class Neighbourhood {
  readonly #pieces: Pieces;
  readonly #byId = new Map<HostId, Neighbour>();
  /** The same, for loops: walking a map costs several times as much. */
  readonly #all: Neighbour[] = [];
  #rarity = new Uint16Array(512);
  #rttMs = 0;
  #nextFreeMs = NEVER;
  readonly #free: Neighbour[] = [];

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  get all(): readonly Neighbour[] {
    return this.#all;
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

  get(id: HostId): Neighbour | undefined {
    return this.#byId.get(id);
  }

  /** Returns whether it is new. */
  meet(id: HostId, seed: boolean): boolean {
    if (this.#byId.has(id)) return false;
    const neighbour = new Neighbour(id, seed, this.#pieces.count);
    this.#byId.set(id, neighbour);
    this.#all.push(neighbour);
    return true;
  }

  /** It answered, or told anew, what it holds. Returns whether it is one of them. */
  learn(id: HostId, held: Bitset, rttMs: number | undefined): boolean {
    const neighbour = this.#byId.get(id);
    if (neighbour === undefined) return false;
    neighbour.state = "up";
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
    if (!neighbour.held.delete(piece)) return false;
    this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
    if (!this.#pieces.held.has(piece)) neighbour.interest--;
    return true;
  }

  leave(neighbour: Neighbour): void {
    this.#forgetAll(neighbour);
    this.#byId.delete(neighbour.id);
    this.#all.splice(this.#all.indexOf(neighbour), 1);
    this.#rttMs = 0;
    for (const { rttMs } of this.#all) this.#rttMs = Math.max(this.#rttMs, rttMs);
  }

  /** The download holds the piece now: nobody is of interest for it any more. */
  gained(piece: PieceIndex): void {
    for (const neighbour of this.#all) if (neighbour.held.has(piece)) neighbour.interest--;
  }

  /**
   * Peers that have something, are not busy, and have fewer requests to answer than is their share of `slots` or `perNeighbour`,
   * whichever is more. The array is used again by the next call.
   */
  free(nowMs: number, slots: number, perNeighbour: number): Neighbour[] {
    const free = this.#free;
    free.length = 0;
    this.#nextFreeMs = NEVER;
    let useful = 0;
    for (const neighbour of this.#all) {
      if (neighbour.seed || neighbour.state !== "up" || neighbour.interest === 0) continue;
      useful++;
      if (nowMs >= neighbour.freeAtMs) free.push(neighbour);
      else if (neighbour.freeAtMs < this.#nextFreeMs) this.#nextFreeMs = neighbour.freeAtMs;
    }
    const cap = Math.max(perNeighbour, Math.ceil(slots / Math.max(1, useful)));
    let kept = 0;
    for (const neighbour of free) if (neighbour.inFlight < cap) free[kept++] = neighbour;
    free.length = kept;
    return free;
  }

  #note(neighbour: Neighbour, piece: PieceIndex): void {
    if (!neighbour.held.add(piece)) return;
    if (piece >= this.#rarity.length) this.#growRarity(piece);
    this.#rarity[piece] = (this.#rarity[piece] as number) + 1;
    if (!this.#pieces.held.has(piece)) neighbour.interest++;
  }

  #forgetAll(neighbour: Neighbour): void {
    for (const piece of neighbour.held) this.#rarity[piece] = (this.#rarity[piece] as number) - 1;
    neighbour.held.clear();
    neighbour.interest = 0;
  }

  #growRarity(piece: PieceIndex): void {
    const grown = new Uint16Array(Math.max(piece + 1, this.#rarity.length * 2));
    grown.set(this.#rarity);
    this.#rarity = grown;
  }
}
