// A registry's token service that counts: users with passwords, and what each may pull; everybody else is nobody. Tokens are as the
// distribution specification has them: JSON web tokens, signed with a key whose certificate the registry trusts.

import { randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface TokenServiceOptions {
  readonly key: string;
  readonly cert: string;
  /** `user` to `password`; "" is nobody, without one. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Whether a user, or "" for nobody, may do what he likes in a repository. */
  readonly allows: (user: string, repository: string) => boolean;
  /** Time that each answer takes. */
  readonly delayMs?: number;
  readonly lifeSeconds?: number;
}

/** One request for a token. */
export interface SeenTokenRequest {
  readonly method: string;
  /** "" for nobody. */
  readonly user: string;
  readonly scopes: readonly string[];
  status: number;
}

export class TokenService {
  readonly requests: SeenTokenRequest[] = [];
  readonly service = "test registry";
  readonly issuer = "test issuer";
  /** The next answers, oldest first, in place of tokens. */
  readonly faults: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[] = [];
  lifeSeconds: number;
  readonly #options: TokenServiceOptions;
  readonly #server: Server;

  private constructor(options: TokenServiceOptions) {
    this.#options = options;
    this.lifeSeconds = options.lifeSeconds ?? 300;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: TokenServiceOptions): Promise<TokenService> {
    const service = new TokenService(options);
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  get realm(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/auth`;
  }

  /** For a registry that believes it. */
  get trusted() {
    return { realm: this.realm, service: this.service, issuer: this.issuer, cert: this.#options.cert };
  }

  /** A token as it gives them. */
  token(user: string, scopes: readonly string[], lifeSeconds = this.lifeSeconds): string {
    const now = Math.floor(Date.now() / 1000);
    const { key, cert, allows } = this.#options;
    const access = scopes.flatMap((scope) => {
      const [, name = "", actions = ""] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
      return name !== "" && allows(user, name) ? [{ type: "repository", name, actions: actions.split(",") }] : [];
    });
    const header = { typ: "JWT", alg: "ES256", x5c: [new X509Certificate(cert).raw.toString("base64")] };
    const times = { exp: now + lifeSeconds, nbf: now - 60, iat: now };
    const claims = { iss: this.issuer, sub: user, aud: this.service, ...times, jti: randomUUID(), access };
    const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "" } = request;
    let told = new URL(url, "http://localhost").searchParams;
    let pair = Buffer.from(request.headers.authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    if (method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      told = new URLSearchParams(body);
      pair = told.get("refresh_token") ?? "";
    }
    const [user = "", password = ""] = pair.split(":");
    const scopes = told.getAll("scope").flatMap((scope) => scope.split(" "));
    const seen: SeenTokenRequest = { method, user, scopes, status: 200 };
    this.requests.push(seen);
    await sleep(this.#options.delayMs ?? 0);
    const known = user === "" || this.#options.passwords[user] === password;
    const fault = this.faults.shift();
    seen.status = fault?.status ?? (known ? 200 : 401);
    response.writeHead(seen.status, { "content-type": "application/json", ...fault?.headers });
    const token = seen.status === 200 ? this.token(user, scopes) : undefined;
    response.end(JSON.stringify(token === undefined ? { errors: [] } : { token, expires_in: this.lifeSeconds }));
  }
}
