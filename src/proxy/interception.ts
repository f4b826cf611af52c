// Answers HTTPS for listed hosts in their place: a CONNECT becomes a TLS connection that ends here, with a certificate of the proxy's own
// authority, and what is asked for inside is served like any request for a whole https:// URL. HTTP/1.1 only.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { DragonflyError } from "../core/error.ts";
import { type Address, formatAddress } from "../runtime/address.ts";
import { type HostPattern, matchesHost } from "../runtime/host-pattern.ts";
import type { Log } from "../runtime/log.ts";
import { Authority } from "./authority.ts";
import { LeafCertificates } from "./leaf-certificates.ts";
import { established, refuseTunnel } from "./tunnels.ts";

export interface InterceptionOptions {
  readonly hosts: readonly HostPattern[];
  readonly certificates: Pick<LeafCertificates, "contextFor">;
  readonly log: Log;
}

/** `url` is the whole of it. */
export type InterceptedListener = (request: IncomingMessage, response: ServerResponse, url: string) => void;

/**
 * With the authority in `folder`, which is made where there is none; undefined where no host is listed. Errors: `bad-config` where it may not
 * vouch for one that is.
 */
export async function openInterception(
  hosts: readonly HostPattern[],
  folder: string,
  log: Log,
): Promise<Interception | undefined> {
  if (hosts.length === 0) return undefined;
  const authority = await Authority.create(folder, hosts);
  const beyond = authority.beyond(hosts).map(({ name }) => name);
  if (beyond.length > 0) {
    const message = `intercept: the authority in ${authority.path} may not vouch for ${beyond.join(", ")}`;
    throw new DragonflyError(
      "bad-config",
      `${message}: make another with dragonfly ca create --replace, and have it trusted`,
    );
  }
  log.info("intercepting HTTPS", { hosts: authority.hosts.join(", "), certificate: authority.path });
  return new Interception({ hosts, certificates: new LeafCertificates(authority), log });
}

const maxConnections = 4096;
const handshakeWithinMs = 10_000;
const silentForMs = 600_000;

export class Interception {
  /** Who answers; set by the port that has this interception. */
  onRequest: InterceptedListener = (_request, response) => void response.writeHead(503).end();
  readonly #options: InterceptionOptions;
  readonly #server: Server;
  /** `https://host` or `https://host:port` of each connection. */
  readonly #origins = new WeakMap<object, string>();
  readonly #near = new Set<Duplex>();

  constructor(options: InterceptionOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => this.#serve(request, response));
    this.#server.timeout = silentForMs;
  }

  covers(target: Address): boolean {
    return this.#options.hosts.some((pattern) => matchesHost(pattern, bare(target)));
  }

  /** `head` is what came behind the CONNECT. */
  take(target: Address, near: Duplex, head: Buffer): void {
    if (this.#near.size >= maxConnections) return refuseTunnel(near, "503 Service Unavailable");
    this.#near.add(near);
    near.once("close", () => this.#near.delete(near));
    this.#handshake(bare(target), near, head).catch((thrown: unknown) => {
      const error = DragonflyError.from(thrown);
      this.#options.log.error("cannot intercept", { host: target.host, error: error.message });
      if (!near.destroyed) refuseTunnel(near, "500 Internal Server Error");
    });
  }

  close(): void {
    for (const near of this.#near) near.destroy();
    this.#server.close();
  }

  async #handshake(target: Address, near: Duplex, head: Buffer): Promise<void> {
    const { certificates, log } = this.#options;
    const secureContext = await certificates.contextFor(target.host);
    if (near.destroyed) return;
    near.write(established);
    if (head.length > 0) near.unshift(head);
    const secure = new TLSSocket(near as ConstructorParameters<typeof TLSSocket>[0], {
      isServer: true,
      secureContext,
      ALPNProtocols: ["http/1.1"],
      // Whoever names another host inside is not let near the listed one's.
      SNICallback: (name: string, answer: (error: Error | null, context?: SecureContext) => void) =>
        name.toLowerCase() === target.host ? answer(null, secureContext) : answer(new Error("another host is named")),
    });
    this.#origins.set(secure, new URL(`https://${formatAddress(target)}`).origin);
    secure.setTimeout(handshakeWithinMs, () => secure.destroy());
    secure.once("error", (error: Error) => {
      // As a rule a client that does not trust the authority.
      log.warn("interception failed", { host: target.host, error: error.message });
      secure.destroy();
    });
    secure.once("secure", () => {
      secure.setTimeout(0);
      this.#server.emit("connection", secure);
    });
    secure.once("close", () => near.destroy());
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const origin = this.#origins.get(request.socket) ?? "";
    const { url = "/", headers } = request;
    const whole = url.startsWith("/") ? `${origin}${url}` : url;
    const named = `https://${headers.host ?? ""}`;
    // RFC 9110, section 15.5.20: this connection is for one host.
    const fits = URL.canParse(whole) && new URL(whole).origin === origin;
    if (!fits || (headers.host !== undefined && (!URL.canParse(named) || new URL(named).origin !== origin))) {
      request.resume();
      return void response.writeHead(421, { "content-length": 0 }).end();
    }
    this.onRequest(request, response, whole);
  }
}

function bare({ host, port }: Address): Address {
  return { host: host.toLowerCase().replace(/\.$/, ""), port };
}
