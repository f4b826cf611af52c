// One end of the control channel: typed messages over a WebSocket, with a heartbeat. What the messages mean is their owner's.

import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { DragonflyError } from "../core/error.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { addressOfUrl } from "../runtime/address.ts";
import { maxControlBytes, type Unseal } from "../wire/control.ts";
import { Sealing } from "../wire/sealing.ts";
import { withClock } from "./clock-hint.ts";
import type { Credentials } from "./credentials.ts";

export const controlPath = "/v1/control";
export const heartbeatMs = 2500;
/** A peer that has not been heard for so many heartbeats is gone. */
const missedHeartbeats = 3;
/** Whose presence somebody doubts is asked, and has so long to answer: a busy process takes a second. */
const probeMs = 3000;
/** Messages that the other side does not take off its hands: above this it is too slow to be of use. */
const maxQueuedBytes = 64 << 20;
const maxMessagesPerSecond = 5000;
const slowDownMs = 20;

export interface ChannelEvents<In> {
  message(message: In): void;
  /** Called once; `error` says why unless it was closed in order. */
  closed(error: DragonflyError | undefined): void;
}

export class ControlChannel<In, Out extends { readonly type: string }> {
  readonly #sealing = new Sealing();
  readonly #rate = new TokenBucket(maxMessagesPerSecond);
  readonly #socket: WebSocket;
  readonly #events: ChannelEvents<In>;
  readonly #heartbeat: NodeJS.Timeout;
  /** Something came since the last beat: who talks is alive and need not be asked. */
  #heard = true;
  #missed = 0;
  /** Something came since it was probed. */
  #answered = true;
  #probe: NodeJS.Timeout | undefined;
  #error: DragonflyError | undefined;

  constructor(socket: WebSocket, parse: (text: string, unseal: Unseal) => In, events: ChannelEvents<In>) {
    this.#socket = socket;
    this.#events = events;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
    socket.on("message", (data, isBinary) => {
      this.#hear();
      this.#slow();
      this.#receive(isBinary ? undefined : String(data), parse);
    });
    for (const sign of ["ping", "pong"]) socket.on(sign, () => this.#hear());
    socket.on("error", (cause) => {
      this.#error ??= new DragonflyError("supernode-unreachable", `the control channel broke: ${cause.message}`, {
        cause,
      });
    });
    socket.on("close", (code) => {
      clearInterval(this.#heartbeat);
      clearTimeout(this.#probe);
      if (code !== 1000) {
        this.#error ??= new DragonflyError("supernode-unreachable", `the control channel was closed (code ${code})`);
      }
      this.#events.closed(this.#error);
    });
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** What the other end seals its credentials for, and to be told it first of all. */
  get sealKey(): string {
    return this.#sealing.publicKey;
  }

  /** The other end's `sealKey`, before anything secret is sent. Errors: `protocol-violation`. */
  sealFor(sealKey: string): void {
    this.#sealing.sealFor(sealKey);
  }

  /** Messages to a closed channel are lost, as they are on a wire; its owner hears `closed`. */
  send(message: Out): void {
    this.sendText(JSON.stringify(this.#sealing.seal(message)));
  }

  /** A message that was turned to text before, for many receivers. */
  sendText(text: string): void {
    if (!this.open) return;
    if (this.#socket.bufferedAmount > maxQueuedBytes) {
      this.#fail(new DragonflyError("overloaded", "the other end of the control channel does not keep up"));
      return;
    }
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close(1000);
    // A peer that does not answer the close must not keep the process.
    setTimeout(() => this.#socket.terminate(), 1000).unref();
  }

  /** The other side has said what it must not: ends with that. */
  refuse(error: DragonflyError): void {
    this.#fail(error);
  }

  /** Somebody doubts that the other side is there: what is not heard of within a moment is gone. */
  probe(): void {
    if (this.#probe !== undefined || !this.open) return;
    this.#answered = false;
    this.#socket.ping();
    // Not before what may have come meanwhile is read: this process may have been held up itself.
    const judge = () => {
      this.#probe = undefined;
      if (!this.#answered) this.#giveUp();
    };
    this.#probe = setTimeout(() => setImmediate(judge), probeMs).unref();
  }

  /** Ends it without waiting for the other side. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Whoever talks too fast is heard later: his words wait in his own socket. */
  #slow(): void {
    const now = performance.now();
    this.#rate.take(1, now);
    const waitMs = this.#rate.waitMs(now);
    if (waitMs === 0 || this.#socket.isPaused) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), Math.max(waitMs, slowDownMs)).unref();
  }

  #receive(text: string | undefined, parse: (text: string, unseal: Unseal) => In): void {
    let message: In;
    try {
      if (text === undefined) throw new DragonflyError("protocol-violation", "a control message is not text");
      message = parse(text, (sealed) => this.#sealing.open(sealed));
    } catch (error) {
      this.#fail(DragonflyError.from(error));
      return;
    }
    try {
      this.#events.message(message);
    } catch (error) {
      this.#fail(DragonflyError.from(error));
    }
  }

  #fail(error: DragonflyError): void {
    this.#error ??= error;
    this.#socket.close(1008, error.message.slice(0, 100));
    setTimeout(() => this.#socket.terminate(), 1000).unref();
  }

  #hear(): void {
    this.#heard = true;
    this.#answered = true;
  }

  #beat(): void {
    if (this.#heard) {
      this.#heard = false;
      this.#missed = 0;
      return;
    }
    if (++this.#missed > missedHeartbeats) return this.#giveUp();
    this.#socket.ping();
  }

  #giveUp(): void {
    this.#error ??= new DragonflyError("supernode-unreachable", "the other end of the control channel fell silent");
    this.#socket.terminate();
  }
}

/** Turns upgrade requests on `/v1/control` into WebSockets. */
export class ControlListener {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: maxControlBytes, perMessageDeflate: false });

  accept(request: IncomingMessage, socket: Duplex, head: Buffer, accepted: (socket: WebSocket) => void): void {
    this.#server.handleUpgrade(request, socket, head, accepted);
  }
}

export interface Dialling {
  readonly timeoutMs: number;
  /** For `https:`. */
  readonly credentials?: Credentials | undefined;
  /** Ends an attempt that the other machine has not even taken the connection of; later it changes nothing. */
  readonly unanswered?: AbortSignal | undefined;
}

/** Dials a supernode (`http://host:port`, or `https:` with credentials). Errors: `supernode-unreachable`. */
export function dialControl(url: string, { timeoutMs, credentials, unanswered }: Dialling): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const address = addressOfUrl(url);
    const connection =
      credentials === undefined ? connect(address) : credentials.connect(address, { role: "supernode" });
    // The handshake's time limit is the connection's, which ws does not set on one that it did not make.
    connection.setTimeout(timeoutMs);
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}${controlPath}`, {
      maxPayload: maxControlBytes,
      perMessageDeflate: false,
      handshakeTimeout: timeoutMs,
      createConnection: () => connection,
    });
    const giveUp = (): void => {
      reject(new DragonflyError("supernode-unreachable", `the supernode at ${url} does not take the connection`));
      socket.terminate();
    };
    unanswered?.addEventListener("abort", giveUp, { once: true });
    connection.once("connect", () => unanswered?.removeEventListener("abort", giveUp));
    socket.once("open", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (cause) => {
      socket.terminate();
      const message = `the supernode at ${url} does not answer: ${withClock(cause)}`;
      reject(new DragonflyError("supernode-unreachable", message, { cause }));
    });
  });
}
