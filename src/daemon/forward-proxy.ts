// The HTTP proxy for programs that are given one by http_proxy and https_proxy: requests in absolute form are passed on, CONNECT opens a
// blind tunnel (RFC 9110, sections 7.6.3 and 9.3.6). Nothing of it is kept.

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import { type Exchange, passThrough } from "../image/passage.ts";
import type { HttpDoor } from "../net/http-door.ts";
import { problemOf } from "../net/problem.ts";

const maxTunnels = 4096;
const connectWithinMs = 10_000;
const silentForMs = 600_000;

export class ForwardProxy {
  readonly #door: HttpDoor;
  /** In `Via`: a request that comes back here would go round for ever. */
  readonly #pseudonym = `dragonfly-${randomBytes(4).toString("hex")}`;
  readonly #tunnels = new Set<Duplex>();

  constructor(door: HttpDoor) {
    this.#door = door;
  }

  static isFor({ url = "" }: IncomingMessage): boolean {
    return /^https?:\/\//i.test(url);
  }

  /** Resolves when the answer is out, or as much of it as could be. */
  async pass(exchange: Exchange): Promise<void> {
    const { request, response, signal } = exchange;
    try {
      const { via } = request.headers;
      if (via?.includes(this.#pseudonym)) throw new DragonflyError("bad-usage", "the request came back to this proxy");
      const url = urlOf(request);
      await passThrough(this.#door, url, exchange, { via: via === undefined ? this.#via : `${via}, ${this.#via}` });
    } catch (thrown) {
      if (signal.aborted || response.headersSent) return void response.destroy();
      const error = DragonflyError.from(thrown);
      response.writeHead(error.status, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(problemOf(error)));
    }
  }

  /** `done` is called when the tunnel is closed. */
  tunnel(request: IncomingMessage, near: Duplex, { head, done }: { head: Buffer; done: () => void }): void {
    near.once("close", done);
    near.on("error", () => near.destroy());
    const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(request.url ?? "") ?? [];
    if (host === undefined || Number(port) > 65_535) return refuse(near, "400 Bad Request");
    if (this.#tunnels.size >= maxTunnels) return refuse(near, "503 Service Unavailable");
    this.#tunnels.add(near);
    const far = connect({ host: host.replace(/^\[|\]$/g, ""), port: Number(port), allowHalfOpen: true });
    far.setTimeout(connectWithinMs, () => far.destroy());
    let connected = false;
    far.once("connect", () => {
      connected = true;
      far.setTimeout(silentForMs);
      near.write("HTTP/1.1 200 Connection established\r\n\r\n");
      far.write(head);
      near.pipe(far);
      far.pipe(near);
    });
    far.on("error", () => far.destroy());
    far.once("close", () => {
      if (!connected && !near.destroyed) refuse(near, "502 Bad Gateway");
      else near.destroy();
    });
    near.once("close", () => {
      this.#tunnels.delete(near);
      far.destroy();
    });
  }

  /** Breaks off every tunnel. */
  close(): void {
    for (const near of this.#tunnels) near.destroy();
  }

  get #via(): string {
    return `1.1 ${this.#pseudonym}`;
  }
}

function urlOf({ url = "" }: IncomingMessage): string {
  if (!URL.canParse(url)) throw new DragonflyError("bad-usage", "the request's target is no URL");
  return url;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
