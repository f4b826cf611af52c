// On whose behalf a registry is asked. What an engine says of itself goes there as it is; where it says nothing, the mirror logs in: with
// the configured credentials of that registry, or as nobody. Rights stand for a login however often its token changes.

import { randomBytes } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { Log } from "../runtime/log.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Registry } from "./registries.ts";
import { basicAuthorization, type Credentials, rightsOf } from "./registry-credentials.ts";
import type { RegistrySchemes, Scheme } from "./registry-scheme.ts";
import { isRefusal, type TokenSource } from "./token-cache.ts";
import type { Token } from "./token-client.ts";

/** One request's credentials. */
export interface Claim {
  /** What they amount to, for the task: undefined where the Authorization itself says so. */
  readonly rights: string | undefined;
  /** Errors: those of the token service, unless it refuses. */
  authorization(signal: AbortSignal): Promise<string | undefined>;
  /** Another Authorization to try after a 401, once; undefined where there is none. */
  renewed(refused: Refused, signal: AbortSignal): Promise<string | undefined>;
}

export interface Refused {
  readonly authorization: string | undefined;
  /** WWW-Authenticate, where it was seen. */
  readonly challenge: string | undefined;
}

export interface Asked {
  readonly registry: Registry;
  readonly scopes: readonly string[];
  /** The engine's. */
  readonly authorization: string | undefined;
  /** False: the mirror does not log in for this request. */
  readonly mayLogIn: boolean;
}

interface Issued {
  readonly host: string;
  /** What the token stands for; undefined: itself. */
  readonly authorization: string | undefined;
  readonly rights: string | undefined;
}

/** Given to engines that have no credentials: who shows it has said nothing of himself. */
export const nobodysToken = "dragonfly-anonymous";
const standInPrefix = "dragonfly-login-";
const standInForMs = 300_000;
const maxIssued = 16_384;

export class RegistryLogin {
  readonly #schemes: RegistrySchemes;
  readonly #tokens: TokenSource;
  readonly #log: Log;
  readonly #issued = new ExpiringMap<string, Issued>(maxIssued);

  constructor(options: { readonly schemes: RegistrySchemes; readonly tokens: TokenSource; readonly log: Log }) {
    this.#schemes = options.schemes;
    this.#tokens = options.tokens;
    this.#log = options.log;
  }

  async claim({ registry, scopes, authorization, mayLogIn }: Asked): Promise<Claim> {
    const said = this.#said(registry, authorization);
    if (said !== undefined) return fixedClaim(said.authorization, said.rights);
    if (!mayLogIn) return fixedClaim(undefined, undefined);
    const credentials = await registry.credentials?.get();
    const who = { registry, scopes, credentials };
    return {
      rights: rightsOf(credentials, registry.root, ...scopes),
      authorization: (signal) =>
        this.#logIn(who, undefined, signal).catch((error: unknown) => {
          // As nobody one may come in even so; where not, `renewed` tells what was wrong.
          if (credentials === undefined && !signal.aborted) return undefined;
          throw error;
        }),
      renewed: async (refused, signal) => {
        if (refused.challenge !== undefined) this.#schemes.learn(registry, refused.challenge);
        const next = await this.#logIn(who, refused.authorization, signal);
        return next === refused.authorization ? undefined : next;
      },
    };
  }

  /** A token for an engine that showed its credentials: the registry's own, or where that has none a stand-in for them here. */
  async issue(registry: Registry, scopes: readonly string[], to: Credentials, signal: AbortSignal): Promise<Token> {
    const scheme = await this.#schemes.of(registry, signal);
    const { host, root } = registry;
    if (scheme.kind === "bearer") {
      const token = await this.#token({ registry, scopes, credentials: to }, { scheme, instead: undefined, signal });
      this.#issued.set(
        token.token,
        { host, authorization: undefined, rights: rightsOf(to, root, ...scopes) },
        token.forMs,
      );
      return token;
    }
    const token = `${standInPrefix}${randomBytes(24).toString("base64url")}`;
    const basic = scheme.kind === "basic" && to.kind === "password";
    const authorization = basic ? basicAuthorization(to.username, to.password) : undefined;
    this.#issued.set(token, { host, authorization, rights: undefined }, standInForMs);
    return { token, forMs: standInForMs };
  }

  /** Undefined for an engine that says nothing of itself. */
  #said(registry: Registry, authorization: string | undefined): Omit<Issued, "host"> | undefined {
    const [, token] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (authorization === undefined || token === nobodysToken) return undefined;
    const issued = token === undefined ? undefined : this.#issued.get(token);
    const here = issued?.host === registry.host ? issued : undefined;
    if (token?.startsWith(standInPrefix)) return here?.authorization === undefined ? undefined : here;
    return { authorization, rights: here?.rights };
  }

  async #logIn(who: Who, instead: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const { registry, credentials } = who;
    const scheme = await this.#schemes.of(registry, signal);
    if (scheme.kind === "open") return undefined;
    if (scheme.kind === "basic") {
      return credentials?.kind === "password"
        ? basicAuthorization(credentials.username, credentials.password)
        : undefined;
    }
    try {
      const { token } = await this.#token(who, { scheme, instead: instead?.replace(/^Bearer /, ""), signal });
      return `Bearer ${token}`;
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (!isRefusal(error)) throw error;
      if (credentials !== undefined) {
        // What follows a semicolon is advice for the users of dfget.
        const [said] = error.message.split("; ");
        this.#log.warn("the credentials get no token", { registry: registry.host, error: said });
      }
      // The registry has the last word: perhaps it gives this to everybody.
      return undefined;
    }
  }

  #token(
    { registry, scopes, credentials }: Who,
    by: {
      readonly scheme: Scheme & { kind: "bearer" };
      readonly instead: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Token> {
    const { realm, service } = by.scheme;
    if (credentials !== undefined && registry.root.startsWith("https:") && !/^https:/i.test(realm)) {
      throw new DragonflyError(
        "origin-refused",
        `${registry.host} names a token service without TLS: no credentials go there`,
      );
    }
    return this.#tokens.get({ realm, service, scopes, credentials, trust: registry.trust }, by);
  }
}

interface Who {
  readonly registry: Registry;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
}

function fixedClaim(authorization: string | undefined, rights: string | undefined): Claim {
  return { rights, authorization: async () => authorization, renewed: async () => undefined };
}
