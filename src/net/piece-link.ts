// The dialling side of a peer link: one TCP connection over which this host draws the pieces of any number of versions from another.
// It keeps no time and retries nothing: who is silent too long is the owner's decision, who then closes the link.

import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { Frame, PartFrame } from "../wire/frame.ts";
import { FrameOutbox } from "./frame-outbox.ts";
import { type Channel, type ChannelHandler, type ChannelLink, PieceChannel } from "./piece-channel.ts";
import { type Arrivals, PieceReceiver } from "./piece-receiver.ts";
import { UpgradeReply, upgradeRequest } from "./piece-upgrade.ts";
import type { SlabPool } from "./slab-pool.ts";

export interface LinkOptions {
  /** Of this host. */
  readonly hostId: HostId;
  readonly slabs: SlabPool;
  /** Gives up the dialling; a link that stands is ended by `close`. */
  readonly signal: AbortSignal;
  readonly connectTimeoutMs: number;
  /** Makes the socket, for TLS; `net.connect` otherwise. It must pass on `onread`. */
  readonly connect?: (options: TcpNetConnectOpts) => Socket;
}

/** Open and closing channels on one link. */
export const maxChannels = 1024;
/** Requests without an answer on one link; above it `busy` is answered on this side. */
export const maxRequests = 64;
/** A host that reads so little of what it is told is not worth having. */
const maxUnsentBytes = 4 * 1024 * 1024;
const keepAliveMs = 15_000;

export class PieceLink {
  readonly address: string;
  readonly #socket: Socket;
  readonly #receiver: PieceReceiver;
  readonly #channels = new Map<number, PieceChannel>();
  readonly #closeListeners = new Set<(error: DragonflyError | undefined) => void>();
  #reply: UpgradeReply | undefined = new UpgradeReply();
  #established: (() => void) | undefined;
  readonly #outbox = new FrameOutbox(() => this.#flush());
  readonly #channelPort = this.#channelLink();
  #requests = 0;
  #nextChannel = 0;
  #roundTripMs: number | undefined;
  #ended: { readonly error: DragonflyError | undefined } | undefined;

  /** `address` is host:port. Rejects with `peer-unreachable`, `timed-out`, `overloaded`, `protocol-violation` or `interrupted`. */
  static async dial(address: string, options: LinkOptions): Promise<PieceLink> {
    if (options.signal.aborted) throw new DragonflyError("interrupted", `the dialling of ${address} was given up`);
    const link = new PieceLink(address, options);
    await link.#establish(options);
    return link;
  }

  private constructor(address: string, options: LinkOptions) {
    const { hostname, port } = parseAddress(address);
    this.address = address;
    this.#receiver = new PieceReceiver(options.slabs, this.#arrivals());
    this.#socket = (options.connect ?? connect)({
      host: hostname,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      onread: {
        buffer: () => this.#receiver.target(),
        callback: (count, buffer) => this.#received(count, buffer),
      },
    });
    this.#socket.on("error", (error) => this.#end(unreachable(`${address}: ${error.message}`, error)));
    this.#socket.on("close", () => this.#end(unreachable(`${address} ended the link`)));
    this.#socket.write(upgradeRequest(address, options.hostId));
  }

  get closed(): boolean {
    return this.#ended !== undefined;
  }

  /** Channels in use, those that are closing included. */
  get channels(): number {
    return this.#channels.size;
  }

  /** Smoothed, from opening a channel to its answer; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Throws `overloaded` when all channels are taken, `peer-unreachable` when the link is closed. */
  open(version: VersionId, handler: ChannelHandler): Channel {
    if (this.#ended !== undefined) throw this.#ended.error ?? unreachable(`the link to ${this.address} is closed`);
    if (this.#channels.size >= maxChannels) {
      throw new DragonflyError("overloaded", `the link to ${this.address} carries ${maxChannels} versions already`);
    }
    while (this.#channels.has(this.#nextChannel)) this.#nextChannel = (this.#nextChannel + 1) % maxChannels;
    const channel = new PieceChannel(this.#nextChannel, version, handler, this.#channelPort);
    this.#channels.set(channel.number, channel);
    return channel;
  }

  /** Ends all channels. Idempotent. */
  close(): void {
    this.#end(undefined);
  }

  /** Calls the listener once, with undefined when this side closed the link. Returns the way to stop listening. */
  onClosed(listener: (error: DragonflyError | undefined) => void): () => void {
    const ended = this.#ended;
    if (ended !== undefined) queueMicrotask(() => listener(ended.error));
    else this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  #send(frame: Frame): void {
    if (this.#ended === undefined) this.#outbox.add(frame);
  }

  #flush(): void {
    const bytes = this.#outbox.take();
    if (bytes === undefined || this.#ended !== undefined) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > maxUnsentBytes) {
      this.#end(unreachable(`${this.address} does not read what it is told`));
    }
  }

  /** What the channels need of the link. */
  #channelLink(): ChannelLink {
    return {
      send: (frame) => this.#send(frame),
      reserve: () => {
        if (this.#requests >= maxRequests) return false;
        this.#requests++;
        return true;
      },
      unreserve: (requests) => {
        this.#requests -= requests;
      },
      abandon: (channel, piece) => this.#receiver.abandon(channel, piece),
      measured: (sampleMs) => {
        this.#roundTripMs = this.#roundTripMs === undefined ? sampleMs : this.#roundTripMs * 0.7 + sampleMs * 0.3;
      },
    };
  }

  /** What the receiver tells the link. */
  #arrivals(): Arrivals {
    return {
      frame: (frame) => this.#dispatch(frame),
      expect: (part) => this.#channel(part.channel).expect(part),
      progress: (part, bytesSoFar) => this.#channel(part.channel).progress(part.piece, bytesSoFar),
      piece: (part, slab) => this.#channel(part.channel).arrived(part.piece, slab),
      resume: () => this.#socket.resume(),
      violated: (error) => {
        this.#send({ type: "bye", channel: 0, reason: error.message });
        this.#end(error);
      },
    };
  }

  #dispatch(frame: Exclude<Frame, PartFrame>): void {
    if (frame.type === "bye") return this.#end(unreachable(`${this.address} ended the link: ${frame.reason}`));
    const channel = this.#channel(frame.channel);
    if (frame.type !== "closed") return channel.receive(frame);
    if (!channel.closed) throw violation("the end of a channel that was not to end");
    this.#channels.delete(frame.channel);
  }

  #channel(number: number): PieceChannel {
    const channel = this.#channels.get(number);
    if (channel === undefined) throw violation("a frame on a channel that is not open");
    return channel;
  }

  #received(count: number, buffer: Uint8Array): boolean {
    if (this.#reply === undefined) return this.#receiver.received(count, buffer);
    try {
      const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count);
      const used = this.#reply.read(bytes);
      if (used === undefined) return true;
      this.#reply = undefined;
      this.#established?.();
      return this.#receiver.accept(bytes.subarray(used));
    } catch (error) {
      this.#end(DragonflyError.from(error));
      return false;
    }
  }

  #establish({ signal, connectTimeoutMs }: LinkOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        this.#end(new DragonflyError("interrupted", `the dialling of ${this.address} was given up`));
      const timer = setTimeout(() => {
        this.#end(new DragonflyError("timed-out", `${this.address} does not answer`, { blame: "peer" }));
      }, connectTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        this.#established = undefined;
        forget();
      };
      const forget = this.onClosed((error) => {
        settle();
        reject(error ?? unreachable(`the link to ${this.address} is closed`));
      });
      signal.addEventListener("abort", giveUp, { once: true });
      this.#established = () => {
        settle();
        resolve();
      };
    });
  }

  #end(error: DragonflyError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#flush();
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#socket.destroy();
    this.#receiver.close();
    for (const channel of this.#channels.values()) channel.end(error);
    this.#channels.clear();
    for (const listener of this.#closeListeners) listener(error);
    this.#closeListeners.clear();
  }
}

function parseAddress(address: string): { readonly hostname: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new DragonflyError("bad-usage", `${address} is no address: host:port is wanted`, { blame: "peer" });
  }
  return { hostname: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}

function unreachable(message: string, cause?: unknown): DragonflyError {
  return new DragonflyError("peer-unreachable", message, cause === undefined ? {} : { cause });
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the other host sent ${what}`);
}
