// This host's control channel to one supernode: dials, says what it holds, registers, and dials again when it is lost. Which supernode is
// asked for what is chosen in supernodes.ts.

import { createPublicKey, type KeyObject } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import { ControlChannel, dialControl } from "../net/control-channel.ts";
import type { Credentials } from "../net/credentials.ts";
import { addressOfUrl, formatAddress } from "../runtime/address.ts";
import type { Log } from "../runtime/log.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import {
  type FromDaemon,
  type FromDaemonOf,
  type FromSupernode,
  type FromSupernodeOf,
  parseFromSupernode,
} from "../wire/control.ts";

/** The supernode as it introduced itself. */
export interface SupernodeIdentity {
  readonly url: string;
  readonly host: HostId;
  readonly key: KeyObject;
  /** The key as it came. */
  readonly keyText: string;
  /** Where it serves pieces: host:port. */
  readonly address: string;
}

export type Task = FromSupernodeOf<"task">;
export type Token = FromSupernodeOf<"token">;
export type Certificate = FromSupernodeOf<"certificate">;
type LastCopies = FromSupernodeOf<"last-copies">;
type Answer = Task | Token | Certificate | LastCopies;
/** What it wants to be here. */
export type OrderNews = FromSupernodeOf<"serve" | "serve-cancelled">;
/** Whom it lets in no more. */
type BarredNews = FromSupernodeOf<"barred">;
/** What it says of a version. */
export type SwarmNews = Exclude<
  FromSupernode,
  OrderNews | BarredNews | Answer | { type: "welcome" | "refused" | "bye" }
>;
export type News = SwarmNews | OrderNews | BarredNews;

export interface SupernodeLinkOptions {
  readonly url: string;
  /** For one that speaks TLS. */
  readonly credentials?: Credentials | undefined;
  readonly log: Log;
  /** What to say first, asked anew at each dialling. */
  readonly hello: () => Omit<FromDaemonOf<"hello">, "sealKey">;
  readonly onNews: (news: News, supernode: SupernodeIdentity) => void;
  readonly onUp: (supernode: SupernodeIdentity) => void;
  /** It is gone; it is dialled again when this says so. */
  readonly onDown: (supernode: SupernodeIdentity) => boolean;
}

type Channel = ControlChannel<FromSupernode, FromDaemon>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: DragonflyError) => void;
}

/**
 * Long, because the alternative may be the origin: a supernode that is merely busy must not send everybody there. Longer with each attempt:
 * one to which thousands come at once serves nobody if they leave before it is their turn.
 */
const dialTimeoutMs = 10_000;
const maxDialTimeouts = 3;
const firstRetryMs = 200;
/** So long after it was dialled, a machine that is there and reachable has taken the connection; one with many that dial, later. */
const unansweredMs = 1000;
const maxUnanswered = 4;
/** At most, in the first minute after it was lost and later: hosts should be back before any of them asks it (supernode-members.ts). */
const maxRetryMs = { soon: 2_000, later: 10_000 };
const soonMs = 60_000;

export class SupernodeLink {
  readonly url: string;
  readonly #options: SupernodeLinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  #channel: Channel | undefined;
  #identity: SupernodeIdentity | undefined;
  #nextRequest = 1;
  #failures = 0;
  #state: "dialling" | "asleep" | "closed" = "asleep";
  #attempt: Promise<void> = Promise.resolve();
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #endPause: () => void = () => {};
  #dialledAtMs = Number.POSITIVE_INFINITY;
  #unanswered = new AbortController();

  constructor(options: SupernodeLinkOptions) {
    this.url = options.url;
    this.#options = options;
  }

  /** Undefined while it is away. */
  get identity(): SupernodeIdentity | undefined {
    return this.#identity;
  }

  /** Settled when the attempt to dial that runs, or comes next, has ended, well or not. */
  get attempt(): Promise<void> {
    return this.#attempt;
  }

  /** Dials until there is a channel. No-op when it does already. */
  start(): void {
    if (this.#state !== "asleep") return;
    this.#state = "dialling";
    this.#attempt = this.#tryDial();
  }

  /**
   * Does not wait until it is time for the next attempt, but for a moment after the last; nor for the answer to one that may have been lost on
   * its way, while the network was cut: TCP itself would repeat it seconds later.
   */
  hurry(): void {
    const now = performance.now();
    if (now - this.#attemptedAtMs >= firstRetryMs) this.#endPause();
    if (now - this.#dialledAtMs < unansweredMs * Math.min(maxUnanswered, 1 + this.#failures)) return;
    // Not before what may have come meanwhile is read: this process may have been held up itself.
    const unanswered = this.#unanswered;
    setImmediate(() => unanswered.abort());
  }

  send(message: FromDaemon): void {
    this.#channel?.send(message);
  }

  /** Errors: what the supernode or the origin refuses with; `supernode-unreachable` when it is away or goes away. */
  register(message: Omit<FromDaemonOf<"register">, "type" | "request">, signal: AbortSignal): Promise<Task> {
    return this.#ask("task", (request) => ({ type: "register", request, ...message }), signal);
  }

  /** Errors: what the token service refuses with; `supernode-unreachable`. */
  getToken(wish: Omit<FromDaemonOf<"get-token">, "type" | "request">, signal: AbortSignal): Promise<Token> {
    return this.#ask("token", (request) => ({ type: "get-token", request, ...wish }), signal);
  }

  /** Errors: `not-authorised` for a host that was revoked; `supernode-unreachable`. */
  renew(csr: string, signal: AbortSignal): Promise<Certificate> {
    return this.#ask("certificate", (request) => ({ type: "renew", request, csr }), signal);
  }

  /** Errors: `supernode-unreachable`. */
  lastCopies(versions: readonly VersionId[], signal: AbortSignal): Promise<LastCopies> {
    return this.#ask("last-copies", (request) => ({ type: "last-copies", request, versions }), signal);
  }

  /** It has said what it must not: it is lost with that, and dialled again. */
  refuse(error: DragonflyError): void {
    this.#channel?.refuse(error);
  }

  async #ask<T extends Answer["type"]>(
    wanted: T,
    message: (request: number) => FromDaemon,
    signal: AbortSignal,
  ): Promise<Extract<Answer, { type: T }>> {
    const channel = this.#channel;
    if (channel === undefined) throw new DragonflyError("supernode-unreachable", `no supernode answers at ${this.url}`);
    const request = this.#nextRequest++;
    const answered = new Promise<Answer>((resolve, reject) => this.#waiting.set(request, { resolve, reject }));
    channel.send(message(request));
    try {
      const answer = await untilAborted(answered, signal);
      if (answer.type === wanted) return answer as Extract<Answer, { type: T }>;
      throw new DragonflyError(
        "protocol-violation",
        `the supernode answered with a ${answer.type} instead of a ${wanted}`,
      );
    } finally {
      this.#waiting.delete(request);
    }
  }

  close(): void {
    this.#state = "closed";
    this.#endPause();
    this.#channel?.send({ type: "bye" });
    this.#channel?.close();
  }

  async #tryDial(): Promise<void> {
    if (this.#state !== "dialling") return;
    try {
      await this.#dial();
    } catch (error) {
      this.#options.log.warn("supernode unreachable", {
        url: this.url,
        error: DragonflyError.from(error).message,
      });
      this.#failures++;
      this.#attemptedAtMs = performance.now();
      this.#dialLater();
    }
  }

  #dialLater(): void {
    const most = maxRetryMs[performance.now() - this.#lostAtMs < soonMs ? "soon" : "later"];
    const delay = Math.min(most, firstRetryMs * 2 ** Math.min(this.#failures, 10)) * (0.5 + Math.random() / 2);
    const pause = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#attempt = pause.then(() => this.#tryDial());
  }

  async #dial(): Promise<void> {
    this.#dialledAtMs = performance.now();
    this.#unanswered = new AbortController();
    const { credentials } = this.#options;
    const socket = await dialControl(this.url, {
      timeoutMs: dialTimeoutMs * Math.min(maxDialTimeouts, 1 + this.#failures),
      credentials,
      unanswered: this.#unanswered.signal,
    });
    await new Promise<void>((resolve, reject) => {
      const channel: Channel = new ControlChannel(socket, parseFromSupernode, {
        message: (message) => {
          if (message.type === "welcome") {
            this.#welcome(channel, message);
            resolve();
          } else this.#receive(message);
        },
        closed: (error) => {
          reject(error ?? new DragonflyError("supernode-unreachable", `the supernode at ${this.url} left`));
          this.#lost(channel, error);
        },
      });
      channel.send({ ...this.#options.hello(), sealKey: channel.sealKey });
    });
  }

  #welcome(channel: Channel, message: FromSupernodeOf<"welcome">): void {
    // Closed while it was being dialled.
    if (this.#state === "closed") return channel.close();
    channel.sealFor(message.sealKey);
    const key = createPublicKey({ key: Buffer.from(message.key, "base64"), format: "der", type: "spki" });
    const address = message.address ?? formatAddress(addressOfUrl(this.url));
    this.#failures = 0;
    this.#channel = channel;
    this.#identity = { url: this.url, host: message.host, key, keyText: message.key, address };
    this.#options.log.info("joined supernode", { url: this.url });
    this.#options.onUp(this.#identity);
  }

  #lost(channel: Channel, error: DragonflyError | undefined): void {
    const identity = this.#identity;
    if (this.#channel !== channel || identity === undefined) return;
    this.#channel = undefined;
    this.#identity = undefined;
    this.#lostAtMs = performance.now();
    const gone = error ?? new DragonflyError("supernode-unreachable", "the supernode left");
    if (this.#state !== "closed") {
      this.#options.log.warn("lost supernode", { url: this.url, error: error?.message ?? "it left" });
      const again = this.#options.onDown(identity);
      this.#state = again ? "dialling" : "asleep";
      if (again) this.#dialLater();
    }
    for (const { reject } of [...this.#waiting.values()]) reject(gone);
  }

  #receive(message: Exclude<FromSupernode, { type: "welcome" }>): void {
    switch (message.type) {
      case "task":
      case "token":
      case "certificate":
      case "last-copies":
        return this.#waiting.get(message.request)?.resolve(message);
      case "refused":
        return this.#waiting.get(message.request)?.reject(DragonflyError.fromWire(message.error));
      case "bye":
        return this.#channel?.close();
      default:
        if (this.#identity !== undefined) this.#options.onNews(message, this.#identity);
    }
  }
}
