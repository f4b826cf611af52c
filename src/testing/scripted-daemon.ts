// A daemon played by a test: speaks the control channel to a real supernode and remembers what it hears.

import type { HostId } from "../core/ids.ts";
import { ControlChannel, dialControl } from "../net/control-channel.ts";
import {
  controlProtocol,
  type FromDaemon,
  type FromSupernode,
  type FromSupernodeOf,
  parseFromSupernode,
} from "../wire/control.ts";

export class ScriptedDaemon {
  readonly host: HostId;
  readonly heard: FromSupernode[] = [];
  readonly #waiting = new Set<() => void>();
  #channel: ControlChannel<FromSupernode, FromDaemon> | undefined;
  #closed = false;

  private constructor(host: HostId) {
    this.host = host;
  }

  /** Joined, with the welcome heard. `name` is one hexadecimal digit; `address` is where it would be dialled. */
  static async join(
    url: string,
    name: string,
    address = `127.0.0.1:${20_000 + Number.parseInt(name, 16)}`,
  ): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(name.repeat(32) as HostId);
    const socket = await dialControl(url, { timeoutMs: 2000 });
    daemon.#channel = new ControlChannel<FromSupernode, FromDaemon>(socket, parseFromSupernode, {
      message: (message) => daemon.#hear(message),
      closed: () => {
        daemon.#closed = true;
        daemon.#wake();
      },
    });
    const { host } = daemon;
    const hello = { type: "hello", protocol: controlProtocol, host, software: "test", address } as const;
    daemon.send({ ...hello, labels: {}, holdings: [], sealKey: daemon.#channel.sealKey });
    daemon.#channel.sealFor((await daemon.hears("welcome")).sealKey);
    return daemon;
  }

  send(message: FromDaemon): void {
    this.#channel?.send(message);
  }

  register(request: number, url: string, headers: Record<string, string> = {}): void {
    this.send({ type: "register", request, url, headers });
  }

  /** The first message of this type that suits, now or later. */
  async hears<T extends FromSupernode["type"]>(
    type: T,
    suits: (message: FromSupernodeOf<T>) => boolean = () => true,
  ): Promise<FromSupernodeOf<T>> {
    for (;;) {
      for (const message of this.heard) {
        if (message.type === type && suits(message as FromSupernodeOf<T>)) return message as FromSupernodeOf<T>;
      }
      if (this.#closed) throw new Error(`the channel was closed before a ${type} came`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async closed(): Promise<void> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  leave(): void {
    this.#channel?.close();
  }

  #hear(message: FromSupernode): void {
    this.heard.push(message);
    this.#wake();
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}
