// The HTTP proxy for programs that are given one by http_proxy and https_proxy. By rules of its operator a GET is answered from the swarm, passed
// on or refused; images come from the registry mirror; CONNECT opens a blind tunnel, or for listed hosts is answered here (interception.ts).

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import { type Exchange, passThrough } from "../image/passage.ts";
import type { RegistryMirror } from "../image/registry-mirror.ts";
import { registryPath } from "../image/registry-path.ts";
import type { FetchGuard } from "../net/fetch-guard.ts";
import type { HttpDoor } from "../net/http-door.ts";
import { problemOf } from "../net/problem.ts";
import { type Address, formatAddress } from "../runtime/address.ts";
import type { Log } from "../runtime/log.ts";
import type { ProxyRule } from "../runtime/proxy-rule.ts";
import { withoutCredentials } from "../runtime/redact.ts";
import { answerContent } from "./content-answer.ts";
import type { Interception } from "./interception.ts";
import { mayAskSwarm } from "./may-ask-swarm.ts";
import { originHeaders } from "./origin-headers.ts";
import { type Route, routeOf } from "./route.ts";
import { refuseTunnel, Tunnels, tunnelTarget } from "./tunnels.ts";
import { Unshared } from "./unshared.ts";
import type { UrlContentSource } from "./url-content.ts";

export interface ForwardProxyOptions {
  readonly door: HttpDoor;
  /** Of what may be reached through a tunnel. */
  readonly guard: FetchGuard;
  readonly mirror: Pick<RegistryMirror, "handle">;
  readonly contents: UrlContentSource;
  readonly rules: readonly ProxyRule[];
  /** Absent where no host is listed for it. */
  readonly interception?: Interception | undefined;
  readonly log: Log;
  /** Told of each request, when it is known who answers it. */
  readonly onWay: (way: ProxyWay) => void;
}

export type ProxyWay = "swarm" | "mirror" | "direct" | "refused" | "tunnel" | "intercepted";

export class ForwardProxy {
  readonly #options: ForwardProxyOptions;
  /** In `Via`: a request that comes back here would go round for ever. */
  readonly #pseudonym = `dragonfly-${randomBytes(4).toString("hex")}`;
  readonly #tunnels: Tunnels;
  readonly #unshared = new Unshared();

  constructor(options: ForwardProxyOptions) {
    this.#options = options;
    this.#tunnels = new Tunnels(options.guard);
  }

  static isFor({ url = "" }: IncomingMessage): boolean {
    return /^https?:\/\//i.test(url);
  }

  /** Resolves when the answer is out, or as much of it as could be. `target` is the whole URL that is asked for. */
  async pass(exchange: Exchange, target: string): Promise<void> {
    const { request, response, signal } = exchange;
    try {
      if (request.headers.via?.includes(this.#pseudonym)) {
        throw new DragonflyError("bad-usage", "the request came back to this proxy");
      }
      if (!URL.canParse(target)) throw new DragonflyError("bad-usage", "the request's target is no URL");
      const url = new URL(target);
      await this.#follow(exchange, routeOf(this.#options.rules, url), target);
    } catch (thrown) {
      if (signal.aborted || response.headersSent) return void response.destroy();
      sendProblem(exchange, DragonflyError.from(thrown));
    }
  }

  /** Answers a CONNECT. `done` is called when the tunnel is closed. */
  connect(request: IncomingMessage, near: Duplex, { head, done }: { head: Buffer; done: () => void }): void {
    const { interception, onWay } = this.#options;
    near.once("close", done);
    near.on("error", () => near.destroy());
    const target = tunnelTarget(request.url);
    if (target === undefined) return refuseTunnel(near, "400 Bad Request");
    if (this.#refuses(target)) {
      onWay("refused");
      return refuseTunnel(near, "403 Forbidden");
    }
    if (interception?.covers(target) === true) {
      onWay("intercepted");
      return interception.take(target, near, head);
    }
    onWay("tunnel");
    this.#tunnels.open(target, near, head);
  }

  /** Breaks off every tunnel. */
  close(): void {
    this.#tunnels.close();
    this.#options.interception?.close();
  }

  async #follow(exchange: Exchange, { use, url }: Route, target: string): Promise<void> {
    const { mirror, onWay } = this.#options;
    // A daemon or a supernode that has this proxy in its environment asks for what the swarm lacks: asking the swarm would be for ever.
    const fromSwarm = /\bdragonfly\b/.test(exchange.request.headers.via ?? "");
    if (use === "refuse") {
      onWay("refused");
      throw new DragonflyError("rule-refused", "a rule of the proxy refuses this URL");
    }
    if (use !== "direct" && !fromSwarm && isRegistryPath(url.pathname)) {
      onWay("mirror");
      exchange.request.url = `${url.pathname}${url.search}`;
      return mirror.handle(exchange, url.origin);
    }
    if (use === "swarm" && !fromSwarm && mayAskSwarm(exchange.request) && !this.#unshared.has(url.href)) {
      if (await this.#answerFromSwarm(exchange, url)) return;
    }
    onWay("direct");
    // The client's own spelling, where no rule made another URL of it.
    await this.#passOn(exchange, new URL(target).href === url.href ? target : url.href);
  }

  /** False where the origin itself has to be asked, and nothing is answered yet. */
  async #answerFromSwarm(exchange: Exchange, url: URL): Promise<boolean> {
    const { contents, log } = this.#options;
    const { request, response, signal } = exchange;
    try {
      const content = await contents.open({ url: url.href, headers: originHeaders(request.headers) }, signal);
      this.#options.onWay("swarm");
      await answerContent(exchange, content, this.#via);
      return true;
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (signal.aborted || response.headersSent) throw error;
      if (error.code === "not-shareable") this.#unshared.note(url.href);
      // What the supernode may not read, this host perhaps may.
      if (error.code === "not-shareable" || error.code === "rule-refused" || isOriginsWord(error)) return false;
      if (error.blame !== "self" && error.blame !== "peer") throw error;
      log.warn("not from the swarm", { url: withoutCredentials(`${url.origin}${url.pathname}`), error: error.message });
      return false;
    }
  }

  async #passOn(exchange: Exchange, url: string): Promise<void> {
    const { via } = exchange.request.headers;
    exchange.response.setHeader("via", this.#via);
    await passThrough(this.#options.door, url, exchange, {
      via: via === undefined ? this.#via : `${via}, ${this.#via}`,
    });
  }

  /** What is in a tunnel is not seen; a rule that refuses all of a host refuses it here. */
  #refuses(target: Address): boolean {
    const { rules, guard } = this.#options;
    const origin = `https://${formatAddress(target)}/`;
    if (!URL.canParse(origin)) return false;
    const url = new URL(origin);
    return guard.refuses(url) || routeOf(rules, url).use === "refuse";
  }

  get #via(): string {
    return `1.1 ${this.#pseudonym}`;
  }
}

/** Content by digest has names that nothing else has; whatever else this is, the mirror passes on. */
function isRegistryPath(path: string): boolean {
  try {
    return registryPath(path) !== undefined;
  } catch {
    return false;
  }
}

/** A refusal that the client should hear from the origin itself: with its headers, and its challenge. */
function isOriginsWord({ code, originStatus = 0 }: DragonflyError): boolean {
  return code === "origin-refused" && originStatus >= 400 && originStatus < 500 && originStatus !== 429;
}

function sendProblem({ request, response }: Exchange, error: DragonflyError): void {
  // What follows a semicolon is advice for the users of dfget.
  const [message = ""] = error.message.split("; ");
  const { originStatus = 0, retryAfterMs } = error;
  // A server that is in trouble says so by its own status; its other words are not repeated for it.
  const status = error.code === "origin-refused" && originStatus >= 400 ? originStatus : error.status;
  const body = JSON.stringify({ ...problemOf(error), status, detail: message, message });
  response.writeHead(status, {
    "content-type": "application/problem+json",
    "content-length": String(Buffer.byteLength(body)),
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
