// The dialling side of one version on a link: what was asked for and how it was answered. Every request has exactly one answer, and a
// cancel is acknowledged, so what comes in between is known to be late and is dropped.

import type { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";
import { maxPieceLength } from "../core/version.ts";
import type { Frame, PartFrame } from "../wire/frame.ts";
import type { Slab } from "./slab-pool.ts";

/** What happens on a channel, in order. After `refused`, `closed` or the owner's `close` nothing more is called. */
export interface ChannelHandler {
  /** What the other host holds: the answer to opening, and again when so much was gained that single news were dropped. */
  bitmap(held: Bitset, complete: boolean): void;
  have(pieces: readonly PieceIndex[]): void;
  /** A request for any piece was answered: this one comes. */
  granted(piece: PieceIndex): void;
  progress(piece: PieceIndex, bytesSoFar: number): void;
  /** The whole piece, not verified. Whoever handles it releases the slab. */
  piece(piece: PieceIndex, slab: Slab): void;
  /** Undefined answers a request for any. */
  busy(piece: PieceIndex | undefined, retryAfterMs: number): void;
  notHeld(piece: PieceIndex | undefined): void;
  refused(error: DragonflyError): void;
  /** The link is gone; undefined when this side closed it. */
  closed(error: DragonflyError | undefined): void;
}

export interface Channel {
  readonly version: VersionId;
  /** Asks for a piece of at most so many bytes. Nothing happens when it is asked for already. */
  request(piece: PieceIndex, expectedBytes: number): void;
  /** Asks for one of these, at the other host's choice; `pieceCount` is past the last that may be wanted. */
  requestAny(wanted: Bitset, pieceCount: number): void;
  /** Nothing more is heard of this piece until it is asked for again. */
  cancel(piece: PieceIndex): void;
  /** Idempotent. */
  close(): void;
}

/** What a channel needs of its link. */
export interface ChannelLink {
  send(frame: Frame): void;
  /** Takes one of the link's places for a request; false when all are taken. */
  reserve(): boolean;
  unreserve(requests: number): void;
  abandon(channel: number, piece: PieceIndex): void;
  measured(roundTripMs: number): void;
}

interface Pending {
  expectedBytes: number;
  /** Requests since the last cancel that are not answered yet. */
  answers: number;
  /** Cancels that are not acknowledged yet: until they are, everything about this piece is late. */
  cancels: number;
}

const localRetryMs = 20;

export class PieceChannel implements Channel {
  readonly version: VersionId;
  readonly number: number;
  readonly #handler: ChannelHandler;
  readonly #link: ChannelLink;
  readonly #openedAt = performance.now();
  readonly #pending = new Map<PieceIndex, Pending>();
  #anys = 0;
  #state: "opening" | "open" | "closed" = "opening";

  constructor(number: number, version: VersionId, handler: ChannelHandler, link: ChannelLink) {
    this.number = number;
    this.version = version;
    this.#handler = handler;
    this.#link = link;
    link.send({ type: "open", channel: number, version });
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  request(piece: PieceIndex, expectedBytes: number): void {
    if (this.#state === "closed") return;
    const pending = this.#pending.get(piece);
    if (pending !== undefined && pending.answers > 0) return;
    if (!this.#link.reserve()) return this.#busyHere(piece);
    if (pending === undefined) this.#pending.set(piece, { expectedBytes, answers: 1, cancels: 0 });
    else {
      pending.answers = 1;
      pending.expectedBytes = expectedBytes;
    }
    this.#link.send({ type: "request", channel: this.number, piece });
  }

  requestAny(wanted: Bitset, pieceCount: number): void {
    if (this.#state === "closed") return;
    if (!this.#link.reserve()) return this.#busyHere(undefined);
    this.#anys++;
    this.#link.send({ type: "request-any", channel: this.number, wanted, pieceCount });
  }

  cancel(piece: PieceIndex): void {
    const pending = this.#pending.get(piece);
    if (this.#state === "closed" || pending === undefined || pending.answers === 0) return;
    this.#link.unreserve(pending.answers);
    pending.answers = 0;
    pending.cancels++;
    this.#link.abandon(this.number, piece);
    this.#link.send({ type: "cancel", channel: this.number, piece });
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const [piece, { answers }] of this.#pending) {
      this.#link.unreserve(answers);
      this.#link.abandon(this.number, piece);
    }
    this.#link.unreserve(this.#anys);
    this.#pending.clear();
    this.#link.send({ type: "close", channel: this.number });
  }

  /** The link is gone. */
  end(error: DragonflyError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#handler.closed(error);
  }

  /** How long the piece may be, undefined when this part is late; throws when nobody asked for it. */
  expect(part: PartFrame): number | undefined {
    if (this.#state === "closed") return undefined;
    const pending = this.#pending.get(part.piece);
    if (pending === undefined) throw violation("a piece that nobody asked for");
    return pending.cancels > 0 ? undefined : pending.expectedBytes;
  }

  progress(piece: PieceIndex, bytesSoFar: number): void {
    if (this.#state !== "closed") this.#handler.progress(piece, bytesSoFar);
  }

  arrived(piece: PieceIndex, slab: Slab): void {
    this.#answered(piece);
    this.#link.send({ type: "taken", channel: this.number, piece });
    this.#handler.piece(piece, slab);
  }

  /** What the other side says on this channel, but for parts. */
  receive(frame: Frame): void {
    if (this.#state === "closed") return;
    switch (frame.type) {
      case "bitmap":
        if (this.#state === "opening") this.#link.measured(performance.now() - this.#openedAt);
        this.#state = "open";
        return this.#handler.bitmap(frame.held, frame.complete);
      case "have":
        return this.#handler.have(frame.pieces);
      case "granted":
        return this.#granted(frame.piece, frame.lengthBytes);
      case "busy":
        if (this.#settled(frame.piece)) this.#handler.busy(frame.piece, frame.retryAfterMs);
        return;
      case "not-held":
        if (this.#settled(frame.piece)) this.#handler.notHeld(frame.piece);
        return;
      case "cancelled":
        return this.#cancelled(frame.piece);
      case "refused":
        this.close();
        return this.#handler.refused(DragonflyError.fromWire(frame));
      default:
        throw violation(`a ${frame.type} frame out of place`);
    }
  }

  #granted(piece: PieceIndex, lengthBytes: number): void {
    if (this.#anys === 0) throw violation("a grant that nobody asked for");
    if (lengthBytes > maxPieceLength) throw violation("a grant of a piece longer than any");
    this.#anys--;
    const pending = this.#pending.get(piece);
    if (pending !== undefined && pending.cancels > 0) {
      // It was asked for by index as well and that was cancelled; the cancel has met this grant too.
      this.#link.unreserve(1);
      return this.#handler.busy(undefined, 0);
    }
    if (pending === undefined) this.#pending.set(piece, { expectedBytes: lengthBytes, answers: 1, cancels: 0 });
    else pending.answers++;
    this.#handler.granted(piece);
  }

  /** An answer that is no piece. Returns whether the owner is to hear of it. */
  #settled(piece: PieceIndex | undefined): boolean {
    if (piece !== undefined) return this.#answered(piece);
    if (this.#anys === 0) throw violation("an answer that nobody asked for");
    this.#anys--;
    this.#link.unreserve(1);
    return true;
  }

  /** Returns false when the answer is late. */
  #answered(piece: PieceIndex): boolean {
    const pending = this.#pending.get(piece);
    if (pending === undefined) throw violation("an answer that nobody asked for");
    if (pending.cancels > 0) return false;
    this.#link.unreserve(1);
    pending.answers--;
    if (pending.answers === 0) this.#pending.delete(piece);
    return true;
  }

  #cancelled(piece: PieceIndex): void {
    const pending = this.#pending.get(piece);
    if (pending === undefined || pending.cancels === 0) throw violation("a cancel acknowledged that was not sent");
    pending.cancels--;
    if (pending.cancels === 0 && pending.answers === 0) this.#pending.delete(piece);
  }

  /** The link's own places are taken: the same answer as from a host that is busy, and as late as one. */
  #busyHere(piece: PieceIndex | undefined): void {
    queueMicrotask(() => {
      if (this.#state !== "closed") this.#handler.busy(piece, localRetryMs);
    });
  }
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the other host sent ${what}`);
}
