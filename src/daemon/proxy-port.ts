// The port that container engines are pointed at: the registry mirror under /v2/, and an HTTP proxy for whole URLs and CONNECT. Node's own
// server, not fastify: what passes through is passed on byte for byte, whatever its type, and names have slashes in them.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { Exchange } from "../image/passage.ts";
import { registryError, sendRegistryError } from "../image/registry-error.ts";
import type { RegistryMirror } from "../image/registry-mirror.ts";
import { httpLimits } from "../net/http-limits.ts";
import { listen } from "../net/listen.ts";
import { ForwardProxy } from "../proxy/forward-proxy.ts";
import type { Interception } from "../proxy/interception.ts";
import { type Address, formatAddress } from "../runtime/address.ts";

export interface ProxyPortOptions {
  readonly mirror: RegistryMirror;
  readonly forward: ForwardProxy;
  /** Its requests are served here too. */
  readonly interception?: Interception | undefined;
  /** Somebody is at work here: called when it begins; the result when it ends. */
  readonly busy: () => () => void;
}

const maxRequests = 4096;
/** A push may be long. */
const requestTimeoutMs = 3_600_000;

export class ProxyPort {
  readonly url: string;
  readonly #server: Server;
  readonly #forward: ForwardProxy;

  private constructor(server: Server, forward: ForwardProxy, bound: Address) {
    this.#server = server;
    this.#forward = forward;
    this.url = `http://${formatAddress(bound)}`;
  }

  /** Errors: `address-in-use`, `bad-config`. */
  static async open(address: Address, options: ProxyPortOptions): Promise<ProxyPort> {
    let running = 0;
    const take = (request: IncomingMessage, response: ServerResponse, whole?: string): void => {
      if (running >= maxRequests) return refuseBusy(response);
      running++;
      void serve(options, { request, response }, whole).finally(() => running--);
    };
    const server = createServer({ ...httpLimits, requestTimeout: requestTimeoutMs }, (request, response) =>
      take(request, response),
    );
    server.on("connect", (request, socket, head) =>
      options.forward.connect(request, socket, { head, done: options.busy() }),
    );
    if (options.interception !== undefined) options.interception.onRequest = take;
    return new ProxyPort(server, options.forward, await listen(server, address));
  }

  /** Breaks off what is still running. */
  close(): void {
    this.#forward.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** `whole` is the URL that is asked for, where the request itself does not say it. */
async function serve(
  { mirror, forward, busy }: ProxyPortOptions,
  { request, response }: Pick<Exchange, "request" | "response">,
  whole: string | undefined,
): Promise<void> {
  const idle = busy();
  const left = new AbortController();
  response.once("close", () => left.abort(new DragonflyError("interrupted", "the client went away")));
  // A client that breaks off a push is told by the signal as well.
  request.on("error", () => {});
  try {
    const exchange = { request, response, signal: left.signal };
    const target = whole ?? (ForwardProxy.isFor(request) ? request.url : undefined);
    await (target === undefined ? mirror.handle(exchange) : forward.pass(exchange, target));
  } finally {
    idle();
  }
}

function refuseBusy(response: ServerResponse): void {
  const message = `${maxRequests} requests are being answered already`;
  sendRegistryError(response, registryError(new DragonflyError("overloaded", message, { retryAfterMs: 1000 })));
}
