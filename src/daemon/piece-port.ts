// The port on which other hosts fetch pieces: an HTTP server whose connections become peer links, with TLS for a host that has credentials.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Credentials } from "../net/credentials.ts";
import { httpLimits } from "../net/http-limits.ts";
import { listen } from "../net/listen.ts";
import type { PieceServer } from "../net/piece-server.ts";
import { linkPath } from "../net/piece-upgrade.ts";
import { type Address, formatAddress } from "../runtime/address.ts";

export class PiecePort {
  /** With the real port. */
  readonly bound: Address;
  readonly url: string;
  readonly #server: Server;
  readonly #stopKeeping: (() => void) | undefined;

  private constructor(server: Server, bound: Address, stopKeeping: (() => void) | undefined) {
    this.#server = server;
    this.bound = bound;
    this.url = `${stopKeeping === undefined ? "http" : "https"}://${formatAddress(bound)}`;
    this.#stopKeeping = stopKeeping;
  }

  /** Errors: `address-in-use`, `bad-config`. */
  static async open(address: Address, pieces: PieceServer, credentials: Credentials | undefined): Promise<PiecePort> {
    const notFound = (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(404).end();
    const secure = credentials && createSecureServer({ ...httpLimits, ...credentials.serverOptions("must") }, notFound);
    const server = secure ?? createServer(httpLimits, notFound);
    server.on("upgrade", (request, socket, head) => {
      if (request.url?.split("?", 1)[0] === linkPath) return pieces.attach(request, socket, head);
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    });
    const bound = await listen(server, address);
    return new PiecePort(server, bound, secure && credentials?.keep(secure));
  }

  close(): void {
    this.#stopKeeping?.();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
