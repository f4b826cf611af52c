// The registry API (OCI distribution specification 1.1, Docker's schema 2) in front of any registry: what a digest names comes from the
// swarm, everything else is the registry's own answer. Rights are the registry's to give: each requester's credentials are shown to it.

import type { IncomingMessage } from "node:http";
import { DragonflyError } from "../core/error.ts";
import type { HttpDoor } from "../net/http-door.ts";
import { Absences } from "./absence.ts";
import type { Content, ContentRequest, ContentSource } from "./content.ts";
import { isKnown, sendBlob, sendBlobHead, sendManifest, sendUnchanged } from "./content-answer.ts";
import { contentRequest } from "./content-request.ts";
import { ask, type Exchange, passThrough } from "./passage.ts";
import { registryError, sendRegistryError } from "./registry-error.ts";
import { type ContentPath, isDigest, registryPath, type TagPath } from "./registry-path.ts";
import { upstreamOf } from "./upstream.ts";

export interface RegistryMirrorOptions {
  readonly content: ContentSource;
  readonly door: HttpDoor;
  /** The default upstream; Docker Hub where there is none. */
  readonly registry: string | undefined;
}

export class RegistryMirror {
  readonly #options: RegistryMirrorOptions;
  readonly #absences = new Absences();

  constructor(options: RegistryMirrorOptions) {
    this.#options = options;
  }

  /** Resolves when the answer is out, or as much of it as could be. `named` is the upstream's base URL, where the request itself says it. */
  async handle(exchange: Exchange, named?: string): Promise<void> {
    const { response, signal } = exchange;
    let kind: ContentPath["kind"] | undefined;
    try {
      const { path, upstream, url } = this.#read(exchange.request, named);
      if ("digest" in path) kind = path.kind;
      if (path.kind === "ping") await this.#ping(exchange, url);
      else if (path.kind === "tag" && exchange.request.method === "GET")
        await this.#giveTag(exchange, path, { upstream, url });
      else if ("digest" in path && isRead(exchange.request)) await this.#give(exchange, path, upstream);
      else await passThrough(this.#options.door, url, exchange);
    } catch (thrown) {
      if (signal.aborted || response.headersSent) response.destroy();
      else sendRegistryError(response, registryError(DragonflyError.from(thrown), kind));
    }
  }

  #read(request: IncomingMessage, named: string | undefined) {
    const [rawPath = "", ...rest] = (request.url ?? "").split("?");
    const query = rest.join("?");
    const path = registryPath(rawPath);
    if (path === undefined) throw new DragonflyError("not-found", `the registry API has no ${rawPath.slice(0, 200)}`);
    const parameters = query.split("&").filter((parameter) => parameter !== "");
    const own = parameters.filter((parameter) => !parameter.startsWith("ns="));
    const namespace = new URLSearchParams(query).get("ns") ?? undefined;
    const upstream = named ?? upstreamOf(namespace, this.#options.registry);
    return { path, upstream, url: `${upstream}${rawPath}${own.length === 0 ? "" : `?${own.join("&")}`}` };
  }

  /** The registry says whether it wants a login. Where it is away, what is held can still be asked for. */
  async #ping(exchange: Exchange, url: string): Promise<void> {
    try {
      await passThrough(this.#options.door, url, exchange);
    } catch (thrown) {
      if (!isRead(exchange.request) || !isAway(DragonflyError.from(thrown))) throw thrown;
      const head = { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" };
      exchange.response.writeHead(200, { ...head, "content-length": "2" }).end("{}");
    }
  }

  /** The registry says what the tag names now; that comes from the swarm, or where the registry does not say, from the registry. */
  async #giveTag(
    exchange: Exchange,
    { name }: TagPath,
    at: { readonly upstream: string; readonly url: string },
  ): Promise<void> {
    const { request, signal } = exchange;
    const { accept = "*/*", authorization } = request.headers;
    const headers = { accept, ...(authorization === undefined ? {} : { authorization }) };
    const { status, headers: said, body } = await ask(this.#options.door, at.url, { method: "HEAD", headers, signal });
    body.resume();
    const digest = said["docker-content-digest"];
    if (status === 200 && isDigest(digest)) {
      try {
        return await this.#give(exchange, { kind: "manifest", name, digest }, at.upstream);
      } catch (thrown) {
        // Some registries convert what a tag names for old clients, and have nothing under the digest of the result.
        if (DragonflyError.from(thrown).originStatus !== 404) throw thrown;
      }
    }
    await passThrough(this.#options.door, at.url, exchange);
  }

  async #give(exchange: Exchange, path: ContentPath, upstream: string): Promise<void> {
    const wanted = contentRequest(upstream, path, exchange.request.headers);
    const isHead = exchange.request.method === "HEAD";
    // Somebody who only asks whether a blob is there must not make the swarm fetch it.
    if (isHead && path.kind === "blob") return this.#passBlobHead(exchange, wanted, upstream);
    let content: Content;
    try {
      content = await this.#open(wanted, upstream, exchange.signal);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.originStatus !== 401) throw error;
      const challenge = await this.#challenge(wanted, exchange.signal);
      return sendRegistryError(exchange.response, registryError(error, path.kind), challenge);
    }
    if (isKnown(exchange.request, path.digest)) return sendUnchanged(exchange.response, content, path.digest);
    const send = path.kind === "manifest" ? sendManifest : sendBlob;
    try {
      await send(exchange, content, path.digest);
    } catch (thrown) {
      if (DragonflyError.from(thrown).code !== "digest-mismatch" || exchange.response.headersSent) throw thrown;
      // The copy was broken, perhaps on its way: it is gone by now, and read anew.
      await send(exchange, await this.#open(wanted, upstream, exchange.signal), path.digest);
    }
  }

  async #open(wanted: ContentRequest, upstream: string, signal: AbortSignal): Promise<Content> {
    const { content } = this.#options;
    const kept = this.#absences.has(upstream) ? await content.held(wanted) : undefined;
    return kept ?? this.#orHeld(() => content.open(wanted, signal), wanted, upstream);
  }

  async #passBlobHead(exchange: Exchange, wanted: ContentRequest, upstream: string): Promise<void> {
    const pass = (): Promise<undefined> => passThrough(this.#options.door, wanted.url, exchange).then(() => undefined);
    const held = await this.#orHeld(pass, wanted, upstream);
    if (held === undefined) return;
    held.leave();
    sendBlobHead(exchange.response, held.length, wanted.digest);
  }

  /** What `attempt` gives, or where the registry is away what is held. */
  async #orHeld<T>(attempt: () => Promise<T>, wanted: ContentRequest, upstream: string): Promise<T | Content> {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isAway(DragonflyError.from(thrown))) throw thrown;
      this.#absences.note(upstream);
      const held = await this.#options.content.held(wanted);
      if (held === undefined) throw thrown;
      return held;
    }
  }

  /** How the registry wants to be asked; without it an engine could not get itself a token. */
  async #challenge({ url, headers }: ContentRequest, signal: AbortSignal): Promise<Record<string, string>> {
    const answer = await ask(this.#options.door, url, { method: "HEAD", headers, signal });
    answer.body.resume();
    const challenge = answer.status === 401 ? answer.headers["www-authenticate"] : undefined;
    return challenge === undefined ? {} : { "www-authenticate": challenge };
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** The registry gave no answer that could be taken as its word. */
function isAway({ code, originStatus = 0 }: DragonflyError): boolean {
  return code === "origin-unreachable" || (code === "origin-refused" && originStatus >= 500);
}
