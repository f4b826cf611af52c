// Tokens that are asked for once, however many want them, and kept until shortly before they end. It stands in each daemon before the
// supernode, and in the supernode before the token services: so a service hears of each scope once for a whole cluster.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import { Slots } from "../store/slots.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Token, TokenRequest } from "./token-client.ts";

export interface TokenWish {
  /** A token that was refused: the answer is another one, unless it came just before. */
  readonly instead?: string | undefined;
  readonly signal: AbortSignal;
}

/** Errors: those of `TokenClient.fetch`; `overloaded`. */
export interface TokenSource {
  get(request: TokenRequest, wish: TokenWish): Promise<Token>;
}

export interface TokenCacheOptions {
  readonly fetch: (request: TokenRequest, wish: TokenWish) => Promise<Token>;
  readonly now?: () => number;
}

interface Kept {
  readonly token: string;
  readonly gotAtMs: number;
  readonly endsAtMs: number;
}

const maxKept = 8192;
const maxWanted = 4096;
const maxAtOnce = 8;
const fetchWithinMs = 90_000;
/** What failed after all its tries is not tried again at once. */
const failedForMs = 5000;
/** A token this new is not renewed: what is refused with it would be refused with the next. */
const newForMs = 5000;
/** The part of its life, and at most this long, in which a token is not given any more: what is read with it takes a while. */
const margin = { share: 0.25, mostMs: 60_000 };

export class TokenCache implements TokenSource {
  readonly #options: TokenCacheOptions;
  readonly #now: () => number;
  readonly #kept: ExpiringMap<string, Kept>;
  readonly #failed: ExpiringMap<string, DragonflyError>;
  readonly #wanted = new Map<string, Promise<Kept>>();
  readonly #slots = new Slots(maxAtOnce);
  readonly #closing = new AbortController();

  constructor(options: TokenCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#kept = new ExpiringMap(maxKept, this.#now);
    this.#failed = new ExpiringMap(maxKept, this.#now);
  }

  async get(request: TokenRequest, { instead, signal }: TokenWish): Promise<Token> {
    const key = keyOf(request);
    const kept = this.#kept.get(key);
    if (kept !== undefined && (kept.token !== instead || this.#now() - kept.gotAtMs < newForMs))
      return this.#rest(kept);
    const failed = this.#failed.get(key);
    if (failed !== undefined) throw failed;
    return this.#rest(await untilAborted(this.#shared(key, request, instead), signal));
  }

  close(): void {
    this.#closing.abort(new DragonflyError("interrupted", "the process is stopping"));
  }

  #shared(key: string, request: TokenRequest, instead: string | undefined): Promise<Kept> {
    const shared = this.#wanted.get(key);
    if (shared !== undefined) return shared;
    if (this.#wanted.size >= maxWanted) {
      throw new DragonflyError("overloaded", "too many tokens are asked for at once", { retryAfterMs: 1000 });
    }
    const fetched = this.#slots.run(() => this.#fetch(key, request, instead)).finally(() => this.#wanted.delete(key));
    this.#wanted.set(key, fetched);
    // All who waited may have left.
    fetched.catch(() => {});
    return fetched;
  }

  async #fetch(key: string, request: TokenRequest, instead: string | undefined): Promise<Kept> {
    const late = new AbortController();
    const overdue = new DragonflyError("origin-unreachable", "the token service does not answer in time");
    const timer = setTimeout(() => late.abort(overdue), fetchWithinMs);
    const signal = AbortSignal.any([this.#closing.signal, late.signal]);
    try {
      const { token, forMs } = await this.#options.fetch(request, { instead, signal });
      const now = this.#now();
      const kept = { token, gotAtMs: now, endsAtMs: now + forMs };
      this.#kept.set(key, kept, forMs - Math.min(forMs * margin.share, margin.mostMs));
      return kept;
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.blame === "origin") this.#failed.set(key, error, failedForMs);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #rest({ token, endsAtMs }: Kept): Token {
    return { token, forMs: Math.max(0, endsAtMs - this.#now()) };
  }
}

/** The token service knows these credentials, or none, and gives them no token. */
export function isRefusal({ code, originStatus = 0 }: DragonflyError): boolean {
  return code === "origin-refused" && originStatus >= 400 && originStatus < 500 && originStatus !== 429;
}

/** A digest: credentials are not to lie about for longer than they are used. */
function keyOf({ realm, service, scopes, credentials, trust }: TokenRequest): string {
  const { ca, insecure } = trust;
  return createHash("sha256")
    .update(JSON.stringify([realm, service, scopes, credentials, ca, insecure]))
    .digest("hex");
}
