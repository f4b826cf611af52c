// The mirror's own token service: engines that a registry sends to its token service are sent here instead, so that their logins are shared
// and kept as well. It knows nobody: credentials go on to the registry that the request names, and what that says is said here.

import type { IncomingMessage } from "node:http";
import { DragonflyError } from "../core/error.ts";
import { formatChallenges, parseChallenges } from "./challenge.ts";
import type { Exchange } from "./passage.ts";
import type { Registries, Registry } from "./registries.ts";
import { basicCredentials, type Credentials } from "./registry-credentials.ts";
import { nobodysToken, type RegistryLogin } from "./registry-login.ts";
import type { Token } from "./token-client.ts";

export const tokenPath = "/dragonfly/token";
/** Where the request did not say which registry it meant: the scope will. */
export const anyService = "dragonfly";

const maxBodyBytes = 65_536;
const maxScopes = 16;
const nobodysSeconds = 3600;

interface Question {
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
}

export class TokenEndpoint {
  readonly #registries: Registries;
  readonly #login: RegistryLogin;

  constructor(registries: Registries, login: RegistryLogin) {
    this.#registries = registries;
    this.#login = login;
  }

  /** Errors: `origin-refused` with the token service's own status, and what a request to it fails with. */
  async handle({ request, response, signal }: Exchange): Promise<void> {
    const { service, scopes, credentials } = await readQuestion(request);
    let token: Token = { token: nobodysToken, forMs: nobodysSeconds * 1000 };
    const registry = this.#meant(service, scopes);
    if (credentials !== undefined && registry !== undefined) {
      const own = scopes.map((scope) => this.#ownScope(scope, registry));
      token = await this.#login.issue(registry, own, credentials, signal);
    }
    const body = Buffer.from(
      JSON.stringify({
        token: token.token,
        access_token: token.token,
        expires_in: Math.floor(token.forMs / 1000),
        issued_at: new Date().toISOString(),
      }),
    );
    const head = { "content-type": "application/json", "content-length": body.length, "cache-control": "no-store" };
    response.writeHead(200, head).end(request.method === "HEAD" ? undefined : body);
  }

  /** Undefined for a login as such, where several registries could be meant: the next request for a repository will show. */
  #meant(service: string | undefined, scopes: readonly string[]): Registry | undefined {
    if (service !== undefined && service !== anyService) return this.#registries.find(service);
    const [name] = scopes.map(repositoryIn).filter((one) => one !== undefined);
    if (name === undefined) return undefined;
    const host = this.#registries.hostIn(name);
    return this.#registries.find(host === "" ? undefined : host.slice(0, -1));
  }

  /** As the registry knows the repository. */
  #ownScope(scope: string, { prefix }: Registry): string {
    const name = repositoryIn(scope);
    if (name === undefined) return scope;
    const bare = name.slice(this.#registries.hostIn(name).length);
    return scope.replace(name, () => `${prefix}${bare}`);
  }
}

/** What a 401 tells the engine: tokens are to be had here. Without `origin` the registry's words stay, and say for which repository. */
export function challengeFor(
  challenge: string,
  told: { readonly service: string; readonly repository: string | undefined; readonly origin: string | undefined },
): string {
  const { service, repository, origin } = told;
  const changed = parseChallenges(challenge).map(({ scheme, parameters }) => {
    if (scheme !== "bearer") return { scheme, parameters };
    const here =
      origin === undefined
        ? []
        : ([
            ["realm", `${origin}${tokenPath}`],
            ["service", service],
          ] as const);
    const actions = /^repository:.*:([^:]*)$/.exec(parameters.get("scope") ?? "")?.[1] ?? "pull";
    const named = repository !== undefined && (origin !== undefined || !parameters.has("scope"));
    const scope = named ? ([["scope", `repository:${repository}:${actions}`]] as const) : [];
    return { scheme, parameters: new Map([...parameters, ...here, ...scope]) };
  });
  return formatChallenges(changed);
}

/** Where the client found the mirror; undefined where it cannot be told. */
export function mirrorOrigin({ headers, socket }: IncomingMessage): string | undefined {
  if ("encrypted" in socket || headers.host === undefined) return undefined;
  return /^[\w.:[\]-]+$/.test(headers.host) ? `http://${headers.host}` : undefined;
}

function repositoryIn(scope: string): string | undefined {
  return /^repository(?:\([^)]*\))?:(.+):[^:]*$/.exec(scope)?.[1];
}

/** GET as the distribution specification has it, POST as its OAuth2 form. */
async function readQuestion(request: IncomingMessage): Promise<Question> {
  const { method = "GET", url = "", headers } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    throw new DragonflyError("bad-usage", `${method} gets no token`);
  }
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1 || url.length));
  const form = method === "POST" ? new URLSearchParams(await bodyOf(request)) : undefined;
  const told = form ?? query;
  const scopes = told
    .getAll("scope")
    .flatMap((scope) => scope.split(" "))
    .filter((scope) => scope !== "");
  if (scopes.length > maxScopes) throw new DragonflyError("bad-usage", `at most ${maxScopes} scopes go into a token`);
  const credentials = form === undefined ? basicCredentials(headers.authorization) : granted(form);
  return { service: told.get("service") ?? undefined, scopes: [...new Set(scopes)].sort(), credentials };
}

function granted(form: URLSearchParams): Credentials | undefined {
  const token = form.get("refresh_token");
  if (form.get("grant_type") === "refresh_token" && token) return { kind: "identity", token };
  const [username, password] = [form.get("username"), form.get("password")];
  return username && password ? { kind: "password", username, password } : undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new DragonflyError("bad-usage", "the request is too long");
  }
  return Buffer.concat(parts).toString("utf8");
}
