// The pieces of one version as a download sees them: `known` once the manifest names the digest, `open` while they may be asked for,
// `held` when their bytes matched; and which of them somebody who reads in order needs next.

import { Bitset } from "./bitset.ts";
import type { PieceIndex } from "./ids.ts";
import { pieceBytes } from "./version.ts";

export class Pieces {
  readonly pieceLength: number;
  readonly held: Bitset;
  /** Known, not held, not in flight. */
  readonly open = new Bitset();
  readonly #known = new Bitset();
  #length: number | null;
  #sealed = false;
  #reader: { at: PieceIndex; readonly last: PieceIndex } | undefined;
  #unsignedToo = false;

  /** `held` is what is on disk already; it is copied. */
  constructor(length: number | null, pieceLength: number, held: Bitset) {
    this.#length = length;
    this.pieceLength = pieceLength;
    this.held = held.copy();
  }

  /** In bytes; null while nobody has told it. */
  get length(): number | null {
    return this.#length;
  }

  /** Whether the manifest is whole. */
  get sealed(): boolean {
    return this.#sealed;
  }

  /** How many there are, as far as is known. */
  get count(): number {
    return Math.ceil((this.#length ?? 0) / this.pieceLength);
  }

  get complete(): boolean {
    return this.#sealed && this.held.count >= this.count;
  }

  bytesOf(piece: PieceIndex): number {
    return pieceBytes(this, piece);
  }

  /** The manifest names the digests of [from, to) now. */
  know(from: PieceIndex, to: PieceIndex): void {
    for (let piece = from; piece < to; piece++) {
      if (this.#known.add(piece) && !this.held.has(piece)) this.open.add(piece);
    }
  }

  /** Whether the manifest names its digest. */
  isKnown(piece: PieceIndex): boolean {
    return this.#known.has(piece);
  }

  /** Whether pieces whose digest nobody signed may be asked for as well; none of them is in flight. */
  openUnsigned(wanted: boolean): void {
    this.#unsignedToo = wanted;
    if (!wanted) {
      for (const piece of [...this.open]) if (!this.#known.has(piece)) this.open.delete(piece);
      return;
    }
    for (let piece = 0; piece < this.count; piece++) {
      if (!this.#known.has(piece) && !this.held.has(piece)) this.open.add(piece);
    }
  }

  seal(length: number): void {
    this.#length = length;
    this.#sealed = true;
  }

  /** Returns whether it was missing. */
  keep(piece: PieceIndex): boolean {
    if (!this.held.add(piece)) return false;
    this.open.delete(piece);
    return true;
  }

  /** It is not in flight any more. */
  reopen(piece: PieceIndex): void {
    if (!this.held.has(piece) && (this.#unsignedToo || this.#known.has(piece))) this.open.add(piece);
  }

  /** Someone reads in order up to `last` and is at `piece`; undefined when nobody does. */
  readAt(piece: PieceIndex | undefined, last: PieceIndex = Number.POSITIVE_INFINITY): void {
    this.#reader = piece === undefined ? undefined : { at: piece, last };
  }

  /** So many pieces that the reader needs next: [from, to) from the first that is missing. Undefined where there is none, or no reader. */
  window(pieces: number): { readonly from: PieceIndex; readonly to: PieceIndex } | undefined {
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    while (this.held.has(reader.at)) reader.at++;
    if (reader.at > reader.last) return undefined;
    return { from: reader.at, to: Math.min(reader.at + pieces, reader.last + 1) };
  }

  /** The open pieces within the reader's window, or all where there are none; `inOrder`: of the window the first alone. A new set. */
  wanted(windowPieces: number, inOrder: boolean): Bitset {
    const window = this.window(windowPieces);
    if (window === undefined) return this.open.copy();
    const wanted = new Bitset(window.to);
    for (let piece = window.from; piece < window.to; piece++) {
      if (this.open.has(piece)) wanted.add(piece);
      if (inOrder && wanted.count > 0) break;
    }
    return wanted.count > 0 ? wanted : this.open.copy();
  }
}
