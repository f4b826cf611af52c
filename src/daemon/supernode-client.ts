// This host's control channel to its supernode: dials, says what it holds, registers, and dials again when it is lost. Of several supernodes
// the first that answers is used until it fails.

import { createPublicKey, type KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { ControlChannel, dialControl } from "../net/control-channel.ts";
import type { Log } from "../runtime/log.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import {
  controlProtocol,
  type FromDaemon,
  type FromDaemonOf,
  type FromSupernode,
  type FromSupernodeOf,
  parseFromSupernode,
} from "../wire/control.ts";
import type { TaskRequest } from "../wire/task-key.ts";

/** The supernode as it introduced itself. */
export interface SupernodeIdentity {
  readonly url: string;
  readonly host: HostId;
  readonly key: KeyObject;
  /** Where it serves pieces: host:port. */
  readonly address: string;
}

export type Task = FromSupernodeOf<"task">;
export type Token = FromSupernodeOf<"token">;
/** A task as the supernode told it, and the supernode that did. */
export interface Registration {
  readonly task: Task;
  readonly supernode: SupernodeIdentity;
}

/** What the supernode wants to be here. */
export type Order = FromSupernodeOf<"serve">;

export type SwarmNews = Extract<FromSupernode, { type: "manifest" | "neighbours" | "drop" | "abandoned" }>;

export interface SupernodeClientOptions {
  readonly urls: readonly string[];
  readonly host: HostId;
  readonly software: string;
  readonly log: Log;
  /** What to say in `hello`, asked anew at each dialling. */
  readonly introduce: () => Pick<FromDaemonOf<"hello">, "address" | "labels" | "holdings">;
  readonly onNews: (news: SwarmNews) => void;
  readonly onOrder: (order: Order | FromSupernodeOf<"serve-cancelled">) => void;
  readonly onUp: (supernode: SupernodeIdentity) => void;
  readonly onDown: () => void;
}

type Channel = ControlChannel<FromSupernode, FromDaemon>;

interface Waiting<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: DragonflyError) => void;
}

/** Long, because the alternative may be the origin: a supernode that is merely busy must not send everybody there. */
const dialTimeoutMs = 10_000;
const firstRetryMs = 200;
const maxRetryMs = 10_000;
/** Attempts at a supernode that says it is overloaded. */
const maxBusyTries = 10;

export class SupernodeClient {
  readonly #options: SupernodeClientOptions;
  readonly #waiting = new Map<number, Waiting<Task>>();
  readonly #tokens = new Map<number, Waiting<Token>>();
  #channel: Channel | undefined;
  #identity: SupernodeIdentity | undefined;
  #nextRequest = 1;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  /** Settled when the first round of dialling after the start or after a loss ended, well or not. */
  #dialled: Promise<void> = Promise.resolve();

  constructor(options: SupernodeClientOptions) {
    this.#options = options;
  }

  get identity(): SupernodeIdentity | undefined {
    return this.#identity;
  }

  get configured(): boolean {
    return this.#options.urls.length > 0;
  }

  get urls(): readonly string[] {
    return this.#options.urls;
  }

  start(): void {
    if (this.configured) this.#dialled = this.#dialRound();
  }

  send(message: FromDaemon): void {
    this.#channel?.send(message);
  }

  /**
   * Asks to take part in a task, again and again while the supernode says that it is overloaded. Errors: what the supernode or the origin
   * refuses with; `supernode-unreachable` when none answers now.
   */
  async register(task: TaskRequest, signal: AbortSignal): Promise<Registration> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#register(task, signal);
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        // Somebody else asked at the same moment who wants shareable content alone.
        const meantOther = error.code === "not-shareable" && task.onlyShareable !== true;
        if ((error.code !== "overloaded" && !meantOther) || tries >= maxBusyTries) throw error;
        const pauseMs = (error.retryAfterMs ?? 500) * (0.5 + Math.random());
        await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  /** Errors: what the token service refuses with; `supernode-unreachable`. */
  async getToken(wish: Omit<FromDaemonOf<"get-token">, "type" | "request">, signal: AbortSignal): Promise<Token> {
    await untilAborted(this.#dialled, signal);
    const channel = this.#channel;
    if (channel === undefined) throw new DragonflyError("supernode-unreachable", "no supernode answers");
    const request = this.#nextRequest++;
    const answer = new Promise<Token>((resolve, reject) => this.#tokens.set(request, { resolve, reject }));
    channel.send({ ...wish, type: "get-token", request });
    try {
      return await untilAborted(answer, signal);
    } finally {
      this.#tokens.delete(request);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#channel?.send({ type: "bye" });
    this.#channel?.close();
  }

  async #register(task: TaskRequest, signal: AbortSignal): Promise<Registration> {
    await untilAborted(this.#dialled, signal);
    const channel = this.#channel;
    const supernode = this.#identity;
    if (channel === undefined || supernode === undefined) {
      throw new DragonflyError("supernode-unreachable", `no supernode answers at ${this.#options.urls.join(", ")}`);
    }
    const request = this.#nextRequest++;
    const answer = new Promise<Task>((resolve, reject) => this.#waiting.set(request, { resolve, reject }));
    const { url, headers, tag, contentDigest, range, ca, insecureOrigin, onlyShareable, rights } = task;
    const filter = task.filter === undefined ? undefined : [...task.filter];
    const key = { url, headers, tag, contentDigest, range, filter, ca, insecureOrigin, rights };
    channel.send({ type: "register", request, ...key, onlyShareable });
    try {
      return { task: await untilAborted(answer, signal), supernode };
    } finally {
      this.#waiting.delete(request);
    }
  }

  /** Tries each supernode once. */
  async #dialRound(): Promise<void> {
    for (const url of this.#options.urls) {
      if (this.#closed) return;
      try {
        await this.#dial(url);
        this.#failures = 0;
        return;
      } catch (error) {
        this.#options.log.warn("supernode unreachable", { url, error: DragonflyError.from(error).message });
      }
    }
    this.#failures++;
    void this.#dialLater();
  }

  async #dialLater(): Promise<void> {
    if (this.#closed) return;
    const delay = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10)) * (0.5 + Math.random() / 2);
    await new Promise<void>((resolve) => {
      this.#retry = setTimeout(resolve, delay);
    });
    await this.#dialRound();
  }

  async #dial(url: string): Promise<void> {
    const socket = await dialControl(url, dialTimeoutMs);
    await new Promise<void>((resolve, reject) => {
      const channel: Channel = new ControlChannel(socket, parseFromSupernode, {
        message: (message) => {
          if (message.type === "welcome") {
            this.#welcome(url, channel, message);
            resolve();
          } else this.#receive(message);
        },
        closed: (error) => {
          reject(error ?? new DragonflyError("supernode-unreachable", `the supernode at ${url} left`));
          this.#lost(channel, error);
        },
      });
      channel.send({
        type: "hello",
        protocol: controlProtocol,
        host: this.#options.host,
        software: this.#options.software,
        ...this.#options.introduce(),
      });
    });
  }

  #welcome(url: string, channel: Channel, message: FromSupernodeOf<"welcome">): void {
    const key = createPublicKey({ key: Buffer.from(message.key, "base64"), format: "der", type: "spki" });
    const address = message.address ?? new URL(url).host;
    this.#channel = channel;
    this.#identity = { url, host: message.host, key, address };
    this.#options.log.info("joined supernode", { url });
    this.#options.onUp(this.#identity);
  }

  #lost(channel: Channel, error: DragonflyError | undefined): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#identity = undefined;
    for (const { reject } of [...this.#waiting.values(), ...this.#tokens.values()]) {
      reject(error ?? new DragonflyError("supernode-unreachable", "the supernode left"));
    }
    if (this.#closed) return;
    this.#options.log.warn("lost supernode", { error: error?.message ?? "it left" });
    this.#options.onDown();
    // Who registers now waits for one attempt: a supernode that is restarted must not send everybody to the origin.
    this.#failures = 0;
    this.#dialled = this.#dialLater();
  }

  #receive(message: Exclude<FromSupernode, { type: "welcome" }>): void {
    switch (message.type) {
      case "task":
        return this.#waiting.get(message.request)?.resolve(message);
      case "token":
        return this.#tokens.get(message.request)?.resolve(message);
      case "refused":
        return (this.#waiting.get(message.request) ?? this.#tokens.get(message.request))?.reject(
          DragonflyError.fromWire(message.error),
        );
      case "serve":
      case "serve-cancelled":
        return this.#options.onOrder(message);
      case "bye":
        return this.#channel?.close();
      default:
        return this.#options.onNews(message);
    }
  }
}
