// What a download knows of one neighbour: how fast it answers, and whether it may be asked now. What is looked at most stands in its row
// of the table.

import type { HostId, PieceIndex } from "./ids.ts";
import type { NeighbourTable } from "./neighbour-table.ts";

/** `dialling` until its first bitmap arrives; a seed holds whatever the manifest knows and needs no bitmap. */
export type NeighbourState = "dialling" | "up";

export class Neighbour {
  readonly id: HostId;
  readonly seed: boolean;
  #state: NeighbourState = "dialling";
  /** Stalls since its last piece. */
  stalls = 0;
  rttMs = 0;
  /** When it last sent something of what it was asked for. */
  heardAtMs = Number.NEGATIVE_INFINITY;
  /** In the table; moved by the neighbourhood when another leaves. */
  row: number;
  readonly #table: NeighbourTable;
  #stalledAtMs = Number.NEGATIVE_INFINITY;

  constructor(id: HostId, seed: boolean, table: NeighbourTable) {
    this.id = id;
    this.seed = seed;
    this.#table = table;
    this.row = table.add();
    table.setFreeAtMs(this.row, Number.POSITIVE_INFINITY);
  }

  get state(): NeighbourState {
    return this.#state;
  }

  /** Pieces it holds and the download lacks. */
  get interest(): number {
    return this.#table.interest(this.row);
  }

  /** Requests that it has not answered. */
  get inFlight(): number {
    return this.#table.inFlight(this.row);
  }

  /** Smoothed bytes a second from request to last byte, waiting included; 0 before the first piece. */
  get rate(): number {
    return this.#table.rate(this.row);
  }

  /** It said busy, or stalled: not to be asked before this time; Infinity until it is up. */
  get freeAtMs(): number {
    return this.#table.freeAtMs(this.row);
  }

  holds(piece: PieceIndex): boolean {
    return this.#table.holds(this.row, piece);
  }

  /** It told what it holds. */
  up(): void {
    if (this.#state === "up") return;
    this.#state = "up";
    this.#table.setFreeAtMs(this.row, 0);
  }

  asked(): void {
    this.#table.addInFlight(this.row, 1);
  }

  /** A request is over, whatever came of it. */
  done(): void {
    this.#table.addInFlight(this.row, -1);
  }

  /** It wants to be left alone until then. */
  rest(untilMs: number): void {
    this.#table.setFreeAtMs(this.row, Math.ceil(untilMs));
  }

  /** One answered request. */
  answered(bytes: number, tookMs: number): void {
    const measured = (bytes / Math.max(1, tookMs)) * 1000;
    const { rate } = this;
    this.#table.setRate(this.row, Math.round(rate === 0 ? measured : rate * 0.75 + measured * 0.25));
    this.stalls = 0;
  }

  /** Requests that went nowhere, those of one moment counted once: away for a second, twice that the next time, and last in line afterwards. */
  stalled(nowMs: number): void {
    if (this.#stalledAtMs === nowMs) return;
    this.#stalledAtMs = nowMs;
    this.rest(nowMs + 1000 * 2 ** Math.min(this.stalls, 5));
    this.stalls++;
    this.#table.setRate(this.row, Math.round(this.rate / 4));
  }
}
