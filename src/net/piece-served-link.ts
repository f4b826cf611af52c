// The serving side of one peer link: answers what the dialler asks, tells what is gained, and lets the host's one sender write pieces.
// A dialler that does not read its answers is not read either, so what waits for it is bounded.

import type { Duplex } from "node:stream";
import type { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { HostId, PieceIndex, VersionId } from "../core/ids.ts";
import type { Admission } from "../core/upload-queue.ts";
import { pieceBytes } from "../core/version.ts";
import { encodeFrame, type Frame, maxPartBytes } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import { FrameOutbox } from "./frame-outbox.ts";
import type { PieceSender } from "./piece-sender.ts";
import { ServedChannel } from "./piece-served-channel.ts";
import { type Servable, Upload, type UploadLink } from "./piece-upload.ts";

/** Unsent bytes above which news are dropped for a fresh bitmap later. */
const behindBytes = maxPartBytes + 64 * 1024;
/** Unsent bytes above which nothing more is read. */
const congestedBytes = 512 * 1024;
/** How long a link that ends may take to send what it said last. */
const lingerMs = 1000;

export interface ServedLinkOptions {
  readonly requester: HostId;
  readonly sender: PieceSender;
  readonly maxChannels: number;
  readonly maxRequests: number;
  readonly find: (version: VersionId, requester: HostId) => Servable | DragonflyError;
  /** There are news on this link, to be told by then. */
  readonly announce: (link: ServedLink, dueMs: number) => void;
  readonly now: () => number;
  readonly sent: (version: VersionId, requester: HostId, bytes: number) => void;
}

export class ServedLink implements UploadLink {
  readonly uploads = new Set<Upload>();
  slabs = 0;
  current: Upload | undefined;
  progressAtMs = 0;
  readonly #socket: Duplex;
  readonly #options: ServedLinkOptions;
  readonly #decoder = new FrameDecoder("dialler");
  readonly #channels = new Map<number, ServedChannel>();
  readonly #outbox = new FrameOutbox(() => this.#flush());
  /** Those with something to tell. */
  readonly #news = new Set<ServedChannel>();
  #blocked = false;
  #partsInFlight = 0;
  #ended = false;

  /** `head` is what came behind the upgrade request. */
  constructor(socket: Duplex, head: Buffer, options: ServedLinkOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => socket.destroy());
    // What follows is `close`: the dialler went away, which is its right.
    socket.on("error", () => {});
    socket.on("close", () => this.#stop());
    if (head.length > 0) this.#read(head);
  }

  get requester(): HostId {
    return this.#options.requester;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get behind(): boolean {
    return this.#socket.writableLength > behindBytes;
  }

  now(): number {
    return this.#options.now();
  }

  send(frame: Frame): void {
    if (!this.#ended) this.#outbox.add(frame);
  }

  announce(channel: ServedChannel, dueMs: number): void {
    this.#news.add(channel);
    this.#options.announce(this, dueMs);
  }

  tellNews(): void {
    for (const channel of this.#news) channel.flush();
    this.#news.clear();
  }

  write(head: Uint8Array, bytes: Uint8Array, written: () => void): void {
    this.#partsInFlight++;
    this.tellNews();
    this.#socket.cork();
    this.#socket.write(this.#outbox.take(head) ?? head);
    this.#socket.write(bytes, () => {
      if (--this.#partsInFlight === 0) this.#blocked = false;
      written();
    });
    this.#socket.uncork();
    this.#blocked = this.#socket.writableLength > 0;
  }

  sent(upload: Upload, bytes: number): void {
    this.#options.sent(upload.version, this.#options.requester, bytes);
  }

  notHeld(upload: Upload): void {
    this.send({ type: "not-held", channel: upload.channel, piece: upload.piece });
  }

  stalled(): void {
    this.end("it takes nothing");
  }

  /** Refuses the version from now on, on whichever channels it is open. */
  withdraw(version: VersionId, error: DragonflyError): void {
    for (const channel of this.#channels.values()) {
      if (channel.version === version && channel.holding !== undefined) this.#refuse(channel, error);
    }
  }

  /** Says why, and ends. Idempotent. */
  end(reason: string): void {
    if (this.#ended) return;
    const socket = this.#socket;
    const bye = encodeFrame({ type: "bye", channel: 0, reason });
    socket.end(this.#outbox.take(bye), () => socket.destroy());
    this.#stop();
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => clearTimeout(linger));
  }

  /** What is to be said anyway takes the news along. */
  #flush(): void {
    if (this.#ended) return;
    this.tellNews();
    const bytes = this.#outbox.take();
    if (bytes !== undefined) this.#socket.write(bytes);
  }

  #stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    for (const upload of this.uploads) this.#options.sender.drop(upload);
  }

  #read(bytes: Buffer): void {
    if (this.#ended) return;
    this.#decoder.push(bytes);
    this.#proceed();
  }

  #proceed(): void {
    try {
      for (;;) {
        if (this.#ended) return;
        if (this.#socket.writableLength > congestedBytes) {
          this.#socket.pause();
          return;
        }
        const frame = this.#decoder.next();
        if (frame === undefined) return;
        this.#take(frame);
      }
    } catch (error) {
      this.end(DragonflyError.from(error).message);
    }
  }

  #drained(): void {
    for (const channel of this.#channels.values()) if (channel.stale) channel.flush();
    if (!this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#proceed();
  }

  #take(frame: Frame): void {
    if (frame.type === "bye") {
      this.#socket.destroy();
      return this.#stop();
    }
    if (frame.type === "open") return this.#open(frame.channel, frame.version);
    const channel = this.#channels.get(frame.channel);
    if (channel === undefined) throw violation("a frame on a channel that is not open");
    const { holding } = channel;
    switch (frame.type) {
      case "request":
        return holding === undefined ? undefined : this.#request(channel, holding, frame.piece);
      case "request-any":
        return holding === undefined ? undefined : this.#requestAny(channel, holding, frame.wanted);
      case "taken":
        return this.#taken(channel, frame.piece);
      case "cancel":
        this.#dropUploads(channel, frame.piece);
        return this.send({ type: "cancelled", channel: channel.number, piece: frame.piece });
      case "close":
        channel.close();
        this.#dropUploads(channel, undefined);
        this.#channels.delete(channel.number);
        return this.send({ type: "closed", channel: channel.number });
      default:
        throw violation(`a ${frame.type} frame out of place`);
    }
  }

  #open(number: number, version: VersionId): void {
    if (this.#channels.has(number)) throw violation("a channel opened twice");
    if (this.#channels.size >= this.#options.maxChannels) throw violation("more channels than a link carries");
    const found = this.#options.find(version, this.#options.requester);
    const refused = found instanceof DragonflyError;
    const channel = new ServedChannel(number, version, refused ? undefined : found, this);
    this.#channels.set(number, channel);
    if (refused) this.send({ type: "refused", channel: number, code: found.code, message: found.message });
  }

  #refuse(channel: ServedChannel, error: DragonflyError): void {
    channel.close();
    this.#dropUploads(channel, undefined);
    this.#channels.set(channel.number, new ServedChannel(channel.number, channel.version, undefined, this));
    this.send({ type: "refused", channel: channel.number, code: error.code, message: error.message });
  }

  #request(channel: ServedChannel, holding: Servable, piece: PieceIndex): void {
    this.#checkRequests();
    if (!holding.held.has(piece)) return this.send({ type: "not-held", channel: channel.number, piece });
    const upload = this.#promise(channel, holding, piece);
    const admission = this.#admit(upload);
    if (admission.admitted) return this.#begin(upload);
    this.send({ type: "busy", channel: channel.number, piece, retryAfterMs: admission.retryAfterMs });
  }

  #requestAny(channel: ServedChannel, holding: Servable, wanted: Bitset): void {
    this.#checkRequests();
    for (const upload of this.uploads) if (upload.channel === channel.number) wanted.delete(upload.piece);
    const gift = holding.giving?.choose(wanted, holding.held);
    if (gift === undefined) return this.send({ type: "not-held", channel: channel.number, piece: undefined });
    const upload = this.#promise(channel, holding, gift.piece);
    const { lengthBytes } = upload;
    const admission = this.#admit(upload);
    if (!admission.admitted) {
      const { retryAfterMs } = admission;
      return this.send({ type: "busy", channel: channel.number, piece: undefined, retryAfterMs });
    }
    this.send({ type: "granted", channel: channel.number, piece: gift.piece, lengthBytes });
    this.#begin(upload);
  }

  #promise({ number, version }: ServedChannel, holding: Servable, piece: PieceIndex): Upload {
    const lengthBytes = pieceBytes(holding.version, piece);
    const fresh = holding.giving?.isFresh(piece) ?? false;
    return new Upload({ link: this, channel: number, version, holding, piece, lengthBytes, fresh });
  }

  /** At a seed those who ask take turns. */
  #admit({ lengthBytes, fresh, holding }: Upload): Admission {
    const { sender, requester } = this.#options;
    return sender.admit(lengthBytes, { fresh, asker: holding.giving === undefined ? undefined : requester });
  }

  #begin(upload: Upload): void {
    upload.holding.giving?.promise(upload.piece);
    this.uploads.add(upload);
    this.#options.sender.add(upload);
  }

  #checkRequests(): void {
    if (this.uploads.size >= this.#options.maxRequests) throw violation("more requests than a link carries");
  }

  #taken(channel: ServedChannel, piece: PieceIndex): void {
    for (const upload of this.uploads) {
      if (upload.channel === channel.number && upload.piece === piece && upload.state === "sent") {
        return this.#options.sender.taken(upload);
      }
    }
  }

  /** Those of one piece, or of the whole channel. */
  #dropUploads(channel: ServedChannel, piece: PieceIndex | undefined): void {
    for (const upload of this.uploads) {
      const meant = upload.channel === channel.number && (piece === undefined || upload.piece === piece);
      if (meant) this.#options.sender.drop(upload);
    }
  }
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the dialler sent ${what}`);
}
