// The one door through which HTTP leaves this process: pooled connections, proxies, trust. It follows no redirect, decodes nothing and
// retries nothing; whoever asks does. The client library is loaded by the first request, because it costs memory and start-up time.

import type { Readable } from "node:stream";
import * as tls from "node:tls";
import type { Dispatcher } from "undici";
import type { FetchGuard } from "./fetch-guard.ts";
import { mendPausedEnds } from "./paused-ends.ts";
import { type Environment, ProxySettings } from "./proxy-settings.ts";

/** Whom to believe at the other end of a TLS connection. */
export interface Trust {
  /** PEM certificates to trust besides the system's. */
  readonly ca?: string | undefined;
  /** Verify nothing. */
  readonly insecure?: boolean | undefined;
}

export interface DoorRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable;
  readonly trust?: Trust;
  readonly signal?: AbortSignal;
}

export interface DoorResponse {
  readonly status: number;
  readonly statusText: string;
  /** Names in lower case; repeated ones are joined by a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it came over the wire. Must be read to its end or destroyed. */
  readonly body: Readable;
}

export interface HttpDoorOptions {
  /** Where the proxy variables are looked up; none by default. */
  readonly environment?: Environment;
  /** Who this is, for `Via` of requests that take a proxy: one of ours must not send them back here. */
  readonly pseudonym?: string;
  /** What may be asked at all; everything without one. Behind a proxy names are for the proxy to resolve, and only they are judged. */
  readonly guard?: FetchGuard;
  readonly connectTimeoutMs?: number;
  /** How long an answer's head, or the next byte of its body, may take. */
  readonly silenceTimeoutMs?: number;
  readonly maxConnectionsPerHost?: number;
  /** Pools of connections, one for each trust and proxy; the least recently used one goes first. */
  readonly maxPools?: number;
}

/** However long a server would keep a connection that nobody uses. */
const maxIdleMs = 10_000;

type Undici = typeof import("undici");

export class HttpDoor {
  readonly #proxies: ProxySettings;
  readonly #pseudonym: string | undefined;
  readonly #guard: FetchGuard | undefined;
  readonly #options: Required<Omit<HttpDoorOptions, "environment" | "pseudonym" | "guard">>;
  readonly #pools = new Map<string, Dispatcher>();
  readonly #retiring = new Set<Dispatcher>();
  readonly #running = new Set<(reason: unknown) => void>();
  #undici: Promise<Undici> | undefined;
  #closed = false;

  constructor(options: HttpDoorOptions = {}) {
    this.#proxies = new ProxySettings(options.environment ?? {});
    this.#pseudonym = options.pseudonym;
    this.#guard = options.guard;
    this.#options = {
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      silenceTimeoutMs: options.silenceTimeoutMs ?? 30_000,
      maxConnectionsPerHost: options.maxConnectionsPerHost ?? 256,
      maxPools: options.maxPools ?? 32,
    };
  }

  /** Loads the client library ahead of the first request, which would have to wait for it. */
  prepare(): void {
    void this.#load();
  }

  /** Resolves when the answer's head is there. Rejects with the library's or the system's error, with the signal's reason, or `rule-refused`. */
  async request(url: string | URL, request: DoorRequest = {}): Promise<DoorResponse> {
    const target = typeof url === "string" ? new URL(url) : url;
    this.#guard?.check(target);
    const undici = await this.#load();
    const running = this.#begin(request.signal);
    let response: Dispatcher.ResponseData;
    try {
      response = await this.#pool(undici, target, request.trust ?? {}).request({
        origin: target.origin,
        path: target.pathname + target.search,
        method: request.method ?? "GET",
        headers: { ...this.#viaFor(target), ...request.headers },
        body: request.body ?? null,
        signal: running.signal,
        headersTimeout: this.#options.silenceTimeoutMs,
        bodyTimeout: this.#options.silenceTimeoutMs,
      });
    } catch (error) {
      running.end();
      throw error;
    }
    response.body.once("close", running.end);
    // A body that is destroyed unread reports that as an error; with nobody listening it would end the process.
    response.body.on("error", () => {});
    return {
      status: response.statusCode,
      statusText: response.statusText,
      headers: flatten(response.headers),
      body: response.body,
    };
  }

  /** Breaks off what is still running. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values(), ...this.#retiring];
    this.#pools.clear();
    for (const abort of this.#running) abort(new Error("the HTTP door was closed"));
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #load(): Promise<Undici> {
    this.#undici ??= loadUndici();
    return this.#undici;
  }

  /** The library's pools forget a connection that broke while its successor may be in use: what runs is kept here as well. */
  #begin(outer: AbortSignal | undefined): { readonly signal: AbortSignal; readonly end: () => void } {
    outer?.throwIfAborted();
    const controller = new AbortController();
    const abort = (reason: unknown): void => controller.abort(reason);
    const onOuter = (): void => abort(outer?.reason);
    outer?.addEventListener("abort", onOuter, { once: true });
    this.#running.add(abort);
    const end = (): void => {
      outer?.removeEventListener("abort", onOuter);
      this.#running.delete(abort);
    };
    return { signal: controller.signal, end };
  }

  #viaFor(target: URL): Record<string, string> {
    const named = this.#pseudonym !== undefined && this.#proxies.proxyFor(target) !== undefined;
    return named ? { via: `1.1 ${this.#pseudonym}` } : {};
  }

  #pool(undici: Undici, target: URL, trust: Trust): Dispatcher {
    if (this.#closed) throw new Error("the HTTP door is closed");
    const secure = target.protocol === "https:";
    const proxy = this.#proxies.proxyFor(target);
    const key = JSON.stringify([secure && (trust.insecure ?? false), (secure && trust.ca) || "", proxy ?? ""]);
    const pool = this.#pools.get(key) ?? this.#open(undici, secure ? trust : {}, proxy);
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    for (const [oldest, unused] of this.#pools) {
      if (this.#pools.size <= this.#options.maxPools) break;
      this.#pools.delete(oldest);
      this.#retire(unused);
    }
    return pool;
  }

  #open(undici: Undici, trust: Trust, proxy: string | undefined): Dispatcher {
    const { connectTimeoutMs: timeout, maxConnectionsPerHost: connections } = this.#options;
    const connect = { timeout, ...tlsOptions(trust) };
    const pooling = { connections, keepAliveMaxTimeout: maxIdleMs };
    const lookup = this.#guard === undefined ? {} : { lookup: this.#guard.lookup };
    if (proxy === undefined) return new undici.Agent({ connect: { ...connect, ...lookup }, ...pooling });
    return new undici.ProxyAgent({
      uri: proxy,
      ...pooling,
      requestTls: connect,
      proxyTls: { timeout },
      // Plain HTTP goes to the proxy in absolute form, as with curl: many proxies refuse CONNECT to other ports than 443.
      proxyTunnel: false,
    });
  }

  #retire(pool: Dispatcher): void {
    this.#retiring.add(pool);
    const forget = (): boolean => this.#retiring.delete(pool);
    pool.close().then(forget, forget);
  }
}

function loadUndici(): Promise<Undici> {
  mendPausedEnds();
  return import("undici");
}

function tlsOptions(trust: Trust): {
  readonly rejectUnauthorized?: boolean;
  readonly secureContext?: tls.SecureContext;
} {
  if (trust.insecure === true) return { rejectUnauthorized: false };
  if (trust.ca === undefined) return {};
  // One context for all connections: reading the system's certificates takes milliseconds.
  return { secureContext: tls.createSecureContext({ ca: [...systemCertificates(), trust.ca] }) };
}

/** Newer versions of Node tell what is trusted by default, with the additions from outside; older ones only what is built in. */
function systemCertificates(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: "default") => string[] };
  return getCACertificates?.("default") ?? tls.rootCertificates;
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | undefined> {
  const flat: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  return flat;
}
