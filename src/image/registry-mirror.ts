// The registry API (OCI distribution specification 1.1, Docker's schema 2) in front of any registry: what a digest names comes from the
// swarm, everything else is the registry's own answer. Rights are the registry's to give: each requester's credentials are shown to it.

import type { IncomingMessage } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { HttpDoor } from "../net/http-door.ts";
import type { Log } from "../runtime/log.ts";
import { Absences } from "./absence.ts";
import type { Content, ContentRequest, ContentSource } from "./content.ts";
import { isKnown, sendBlob, sendBlobHead, sendManifest, sendUnchanged } from "./content-answer.ts";
import { contentRequest } from "./content-request.ts";
import { mirrorHeaders } from "./mirror-headers.ts";
import { type Exchange, passedRequest, relay, relayHead } from "./passage.ts";
import { type Located, pullScope, type Registries, type Registry, urlAt } from "./registries.ts";
import { type Head, RegistryClient, withAuthorization } from "./registry-client.ts";
import { registryError, sendRegistryError } from "./registry-error.ts";
import { type Claim, RegistryLogin } from "./registry-login.ts";
import { type ContentPath, isDigest, type RegistryPath, registryPath, type TagPath } from "./registry-path.ts";
import { RegistrySchemes, type Scheme } from "./registry-scheme.ts";
import type { TokenSource } from "./token-cache.ts";
import { anyService, challengeFor, mirrorOrigin, TokenEndpoint, tokenPath } from "./token-endpoint.ts";

export interface RegistryMirrorOptions {
  readonly content: ContentSource;
  readonly door: HttpDoor;
  readonly registries: Registries;
  readonly tokens: TokenSource;
  readonly log: Log;
}

/** A request that was understood. */
interface Asked<P extends RegistryPath = RegistryPath> extends Located {
  readonly exchange: Exchange;
  readonly asks: P;
  /** At the registry. */
  readonly url: string;
  readonly claim: Claim;
  /** Where the engine found the mirror, if it knows of it. */
  readonly origin: string | undefined;
}

export class RegistryMirror {
  readonly #content: ContentSource;
  readonly #registries: Registries;
  readonly #client: RegistryClient;
  readonly #schemes: RegistrySchemes;
  readonly #login: RegistryLogin;
  readonly #endpoint: TokenEndpoint;
  readonly #absences = new Absences();

  constructor({ content, door, registries, tokens, log }: RegistryMirrorOptions) {
    this.#content = content;
    this.#registries = registries;
    this.#client = new RegistryClient(door);
    this.#schemes = new RegistrySchemes(door);
    this.#login = new RegistryLogin({ schemes: this.#schemes, tokens, log });
    this.#endpoint = new TokenEndpoint(registries, this.#login);
  }

  /** Resolves when the answer is out, or as much of it as could be. `named` is the upstream's base URL, where the request itself says it. */
  async handle(exchange: Exchange, named?: string): Promise<void> {
    const { request, response, signal } = exchange;
    let kind: ContentPath["kind"] | undefined;
    try {
      if (request.url?.split("?", 1)[0] === tokenPath) return await this.#endpoint.handle(exchange);
      const asked = await this.#read(exchange, named);
      const { asks } = asked;
      if ("digest" in asks) kind = asks.kind;
      if (asks.kind === "ping") await this.#ping(asked);
      else if (asks.kind === "tag" && isRead(request)) await this.#giveTag({ ...asked, asks });
      else if ("digest" in asks && isRead(request)) await this.#give({ ...asked, asks });
      else await this.#pass(asked);
    } catch (thrown) {
      if (signal.aborted || response.headersSent) response.destroy();
      else sendRegistryError(response, registryError(DragonflyError.from(thrown), kind));
    }
  }

  async #read(exchange: Exchange, named: string | undefined): Promise<Asked> {
    const { request } = exchange;
    const [rawPath = "", ...rest] = (request.url ?? "").split("?");
    const query = rest.join("?");
    const located =
      named === undefined
        ? this.#registries.locate(rawPath, new URLSearchParams(query).get("ns") ?? undefined)
        : { registry: this.#registries.at(named), path: rawPath, before: "", vague: false };
    const asks = registryPath(located.path);
    if (asks === undefined) throw new DragonflyError("not-found", `the registry API has no ${rawPath.slice(0, 200)}`);
    const own = query.split("&").filter((parameter) => parameter !== "" && !parameter.startsWith("ns="));
    const { registry } = located;
    const { authorization } = request.headers;
    // Whether everybody may come in says nothing about one repository: an engine that has credentials must be asked for them.
    // One that believes to speak with the registry itself will log in by itself.
    const asksForLogin = asks.kind === "ping" || named !== undefined;
    const mayLogIn = !asksForLogin || registry.credentials !== undefined || authorization !== undefined;
    const claim = await this.#login.claim({
      registry,
      scopes: scopesOf(asks, registry),
      authorization,
      mayLogIn: mayLogIn && isRead(request),
    });
    const url = urlAt(registry, `${located.path}${own.length === 0 ? "" : `?${own.join("&")}`}`);
    const origin = named === undefined ? mirrorOrigin(request) : undefined;
    return { ...located, exchange, asks, url, claim, origin };
  }

  /** Whether a login is needed. Where the registry is away, what is held can still be asked for. */
  async #ping(asked: Asked): Promise<void> {
    const { request, response } = asked.exchange;
    const head = { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" };
    if (asked.vague && request.headers.authorization === undefined) {
      // Only the scope of the token that is asked for now will tell which registry is meant.
      const challenge = challengeFor("Bearer", {
        service: anyService,
        repository: undefined,
        origin: asked.origin,
      });
      const refused = registryError(new DragonflyError("origin-refused", "a token is needed", { originStatus: 401 }));
      return sendRegistryError(response, refused, { ...head, "www-authenticate": challenge });
    }
    const vouched = asked.vague && /^bearer /i.test(request.headers.authorization ?? "");
    try {
      if (!vouched) return await this.#pass(asked);
    } catch (thrown) {
      if (!isRead(request) || !isAway(DragonflyError.from(thrown))) throw thrown;
    }
    response.writeHead(200, { ...head, "content-length": "2" }).end("{}");
  }

  /** The registry says what the tag names now; that comes from the swarm, or where the registry does not say, from the registry. */
  async #giveTag(asked: Asked<TagPath>): Promise<void> {
    const { registry, claim, url, asks, exchange } = asked;
    const { accept = "*/*" } = exchange.request.headers;
    const found = await this.#client.head(registry, claim, { url, headers: { accept }, signal: exchange.signal });
    if (exchange.request.method === "HEAD") return relayHead(found, exchange.response, changesTo(found, asked));
    const digest = found.headers["docker-content-digest"];
    if (found.status === 200 && isDigest(digest)) {
      try {
        return await this.#give({ ...asked, asks: { kind: "manifest", name: asks.name, digest } });
      } catch (thrown) {
        // Some registries convert what a tag names for old clients, and have nothing under the digest of the result.
        if (DragonflyError.from(thrown).originStatus !== 404) throw thrown;
      }
    }
    await this.#pass(asked);
  }

  async #give(asked: Asked<ContentPath>): Promise<void> {
    const { exchange, asks } = asked;
    const { accept } = exchange.request.headers;
    const { rights } = asked.claim;
    // Without rights, the Authorization itself says whose content this is, also where the registry is away.
    const said = rights === undefined ? await asked.claim.authorization(exchange.signal) : undefined;
    const wanted = contentRequest(asked.registry, asks, { accept, rights, authorization: said });
    const isHead = exchange.request.method === "HEAD";
    // Somebody who only asks whether a blob is there must not make the swarm fetch it.
    if (isHead && asks.kind === "blob") return this.#passBlobHead(asked, wanted);
    let content: Content;
    try {
      content = await this.#open(asked, wanted);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.originStatus !== 401) throw error;
      const headers = { "www-authenticate": challengeOf(this.#schemes.known(asked.registry)) };
      const challenge = changesTo({ status: 401, headers }, asked);
      return sendRegistryError(exchange.response, registryError(error, asks.kind), challenge);
    }
    if (isKnown(exchange.request, asks.digest)) return sendUnchanged(exchange.response, content, asks.digest);
    const send = asks.kind === "manifest" ? sendManifest : sendBlob;
    try {
      await send(exchange, content, asks.digest);
    } catch (thrown) {
      if (DragonflyError.from(thrown).code !== "digest-mismatch" || exchange.response.headersSent) throw thrown;
      // The copy was broken, perhaps on its way: it is gone by now, and read anew.
      await send(exchange, await this.#open(asked, wanted), asks.digest);
    }
  }

  async #open(asked: Asked, wanted: ContentRequest): Promise<Content> {
    const kept = this.#absences.has(asked.registry.root) ? await this.#content.held(wanted) : undefined;
    return kept ?? this.#orHeld(() => this.#openAs(asked, wanted), wanted, asked);
  }

  /** With a second try where a token ended early, or where nobody knew that one was needed. */
  async #openAs({ claim, registry, exchange }: Asked, wanted: ContentRequest): Promise<Content> {
    const { signal } = exchange;
    const as = (authorization: string | undefined): ContentRequest => ({
      ...wanted,
      headers: withAuthorization(wanted.headers, authorization),
    });
    const authorization = await claim.authorization(signal);
    try {
      return await this.#content.open(as(authorization), signal);
    } catch (thrown) {
      if (DragonflyError.from(thrown).originStatus !== 401) throw thrown;
      if (challengeOf(this.#schemes.known(registry)) === undefined) {
        const { headers } = as(authorization);
        const seen = await this.#client.head(registry, claim, { url: wanted.url, headers, signal });
        if (seen.status === 401) this.#schemes.learn(registry, seen.headers["www-authenticate"]);
      }
      const again = await claim.renewed({ authorization, challenge: undefined }, signal);
      if (again === undefined) throw thrown;
      return this.#content.open(as(again), signal);
    }
  }

  async #passBlobHead(asked: Asked<ContentPath>, wanted: ContentRequest): Promise<void> {
    const held = await this.#orHeld(() => this.#pass(asked).then(() => undefined), wanted, asked);
    if (held === undefined) return;
    held.leave();
    sendBlobHead(asked.exchange.response, held.length, wanted.digest);
  }

  /** What `attempt` gives, or where the registry is away what is held. */
  async #orHeld<T>(attempt: () => Promise<T>, wanted: ContentRequest, { registry }: Asked): Promise<T | Content> {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isAway(DragonflyError.from(thrown))) throw thrown;
      this.#absences.note(registry.root);
      const held = await this.#content.held(wanted);
      if (held === undefined) throw thrown;
      return held;
    }
  }

  async #pass(asked: Asked): Promise<void> {
    const { registry, claim, url, exchange } = asked;
    const answer = await this.#client.request(registry, claim, { url, ...passedRequest(exchange) });
    await relay(answer, exchange.response, changesTo(answer, asked));
  }
}

function changesTo(answer: Head, { asks, ...located }: Asked): Record<string, string> {
  const name = "name" in asks ? asks.name : undefined;
  return mirrorHeaders(answer, { ...located, name });
}

function challengeOf(scheme: Scheme | undefined): string | undefined {
  return scheme === undefined || scheme.kind === "open" ? undefined : scheme.challenge;
}

/** What a token must be good for. */
function scopesOf(asks: RegistryPath, registry: Registry): readonly string[] {
  if (asks.kind === "ping") return [];
  const { name } = asks;
  return [name === undefined ? "registry:catalog:*" : pullScope(registry, name)];
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** The registry gave no answer that could be taken as its word. */
function isAway({ code, originStatus = 0 }: DragonflyError): boolean {
  return code === "origin-unreachable" || (code === "origin-refused" && originStatus >= 500);
}
