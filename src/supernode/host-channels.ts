// The control channels that are open, one a host: who is at their other ends, and in which order each is told what.

import type { WebSocket } from "ws";
import type { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import type { Host } from "../core/swarm.ts";
import { ControlChannel } from "../net/control-channel.ts";
import { type FromDaemon, type FromDaemonOf, type FromSupernode, parseFromDaemon } from "../wire/control.ts";
import { addressesOf, Introductions } from "./introductions.ts";

export type HostChannel = ControlChannel<FromDaemon, FromSupernode>;
type Hello = FromDaemonOf<"hello">;
export type FromHost = Exclude<FromDaemon, { readonly type: "hello" }>;

export interface HostChannelsOptions {
  /** What answers a `hello`. */
  readonly welcome: (sealKey: string) => FromSupernode;
  readonly onHello: (hello: Hello, remote: string) => void;
  /** Answers go to the channel that asked: the host may have another by then. */
  readonly onMessage: (host: HostId, message: FromHost, channel: HostChannel) => void;
  /** `error` says why unless it left in order. */
  readonly onLeft: (host: HostId, error: DragonflyError | undefined) => void;
}

/** Who opens a channel and does not say who he is keeps it no longer. */
const introducedWithinMs = 10_000;

export class HostChannels {
  readonly #options: HostChannelsOptions;
  readonly #open = new Map<HostId, HostChannel>();
  readonly #introductions = new Introductions((host, version, neighbours) => {
    this.post(host, { type: "neighbours", version, neighbours: addressesOf(neighbours, version) });
  });

  constructor(options: HostChannelsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  isOpen(host: HostId): boolean {
    return this.#open.has(host);
  }

  /** Takes a daemon's socket. `remote` is its address as seen here, for one that does not know its own; `certified` is who it is, by TLS. */
  accept(socket: WebSocket, remote: string, certified?: HostId): void {
    let host: HostId | undefined;
    const silent = setTimeout(() => channel.close(), introducedWithinMs).unref();
    const channel: HostChannel = new ControlChannel(socket, parseFromDaemon, {
      message: (message) => {
        clearTimeout(silent);
        if (message.type !== "hello") {
          return host === undefined ? channel.close() : this.#options.onMessage(host, message, channel);
        }
        if (host !== undefined || (certified ?? message.host) !== message.host) return channel.close();
        host = message.host;
        this.#hello(channel, message, remote);
      },
      closed: (error) => {
        clearTimeout(silent);
        if (host === undefined || this.#open.get(host) !== channel) return;
        this.#open.delete(host);
        this.#introductions.forget(host);
        this.#options.onLeft(host, error);
      },
    });
  }

  /** Tells a host in the order in which it was decided, after whom it is to know. What is for nobody is lost. */
  send(host: HostId, message: FromSupernode): void {
    this.#introductions.flush(host);
    this.post(host, message);
  }

  /** Tells it at once. */
  post(host: HostId, message: FromSupernode): void {
    this.#open.get(host)?.send(message);
  }

  /** The same with a message that was turned to text before. */
  postText(host: HostId, text: string): void {
    this.#open.get(host)?.sendText(text);
  }

  /** Tells a host of neighbours, soon. */
  introduce(host: HostId, version: VersionId, neighbours: readonly Host[]): void {
    this.#introductions.add(host, version, neighbours);
  }

  /** Somebody doubts that it is there. */
  probe(host: HostId): void {
    this.#open.get(host)?.probe();
  }

  /** Cuts a host off, and tells the others to give it nothing. */
  expel(host: HostId): void {
    this.#open.get(host)?.cut();
    for (const [other, channel] of this.#open) if (other !== host) channel.send({ type: "barred", host });
  }

  close(reason: string): void {
    this.#introductions.close();
    for (const channel of this.#open.values()) {
      channel.send({ type: "bye", reason });
      channel.close();
    }
  }

  #hello(channel: HostChannel, hello: Hello, remote: string): void {
    channel.sealFor(hello.sealKey);
    this.#open.get(hello.host)?.close();
    this.#open.set(hello.host, channel);
    channel.send(this.#options.welcome(channel.sealKey));
    this.#options.onHello(hello, remote);
  }
}
