// What is served, and one promised piece of it on its way to whoever asked.

import type { Bitset } from "../core/bitset.ts";
import type { Giving } from "../core/giving.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";
import type { Version } from "../core/version.ts";
import type { Slab } from "./slab-pool.ts";

/** A version, or a part of one, that this host offers. */
export interface Servable {
  readonly version: Pick<Version, "length" | "pieceLength">;
  /** Verified pieces; changes as pieces come. */
  readonly held: Bitset;
  readonly complete: boolean;
  /** Reads a whole held piece into the front of `into`; resolves to its length in bytes. */
  read(piece: PieceIndex, into: Uint8Array): Promise<number>;
  /** Returns the way to stop listening. */
  onGained(listener: (piece: PieceIndex) => void): () => void;
  /** A seed's memory of what it gave; who has none answers no request for any. */
  readonly giving?: Pick<Giving, "choose" | "isFresh" | "promise" | "kept" | "broken">;
}

/** What the sender needs of a link. The counters are the sender's. */
export interface UploadLink {
  /** Admitted and not gone, oldest first. */
  readonly uploads: Set<Upload>;
  /** A part has been written that the kernel did not take at once. */
  readonly blocked: boolean;
  slabs: number;
  /** Begun and not wholly written: another of this link has to wait for it. */
  current: Upload | undefined;
  progressAtMs: number;
  write(head: Uint8Array, bytes: Uint8Array, written: () => void): void;
  sent(upload: Upload, bytes: number): void;
  notHeld(upload: Upload): void;
  stalled(): void;
}

/** What a piece's bytes are called in a pool of slabs. */
export function pieceName(version: VersionId, piece: PieceIndex): string {
  return `${version} ${piece}`;
}

export class Upload {
  readonly link: UploadLink;
  readonly channel: number;
  readonly version: VersionId;
  readonly holding: Servable;
  readonly piece: PieceIndex;
  readonly lengthBytes: number;
  /** The swarm cannot have it but from here: it goes ahead of what has not begun. */
  readonly fresh: boolean;
  state: "waiting" | "reading" | "sending" | "sent" | "gone" = "waiting";
  /** It counts in the admission queue. */
  placed = true;
  slab: Slab | undefined;
  /** The slab came with the piece, as it was verified; what is read from a disk is not passed on to others from memory. */
  remembered = false;
  /** The store writes into the slab. */
  reading = false;
  /** Parts that the kernel may still read from the slab. */
  writes = 0;
  /** As read from the store; only for an unknown length it differs from `lengthBytes`. */
  readBytes = 0;
  sentBytes = 0;
  /** When the kernel was given the last of it. */
  sentAtMs = 0;

  constructor(request: Pick<Upload, "link" | "channel" | "version" | "holding" | "piece" | "lengthBytes" | "fresh">) {
    this.link = request.link;
    this.channel = request.channel;
    this.version = request.version;
    this.holding = request.holding;
    this.piece = request.piece;
    this.lengthBytes = request.lengthBytes;
    this.fresh = request.fresh;
  }
}
