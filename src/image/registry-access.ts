// A registry as one party reads it: with the login that the registry asks for, Basic or by a token from its token service (Docker's token
// authentication specification), which is kept until shortly before it expires. One object serves one user name and password, or nobody's.

import { DragonflyError } from "../core/error.ts";
import type { DoorRequest, DoorResponse, HttpDoor } from "../net/http-door.ts";
import { originFailure, refusal } from "../origin/origin-error.ts";
import { untilAborted } from "../runtime/until-aborted.ts";

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface RegistryRequest {
  readonly method: NonNullable<DoorRequest["method"]>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface RegistryAccess {
  /** An answer of any status; after a 401 the login that it asks for was tried. Errors: `origin-unreachable`, `origin-untrusted`, `origin-refused`. */
  request(url: string, request: RegistryRequest): Promise<DoorResponse>;
  /** The `Authorization` that a request for this URL needs by what the registry said before; undefined: none. */
  authorization(url: string, signal: AbortSignal): Promise<string | undefined>;
  /** See `TaskRequest.rights`: a token that anybody gets is everybody's. */
  readonly rights: string | undefined;
  /** What `authorization` gave for this URL was refused: the next one is made anew. */
  expire(url: string): void;
}

interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: ReadonlyMap<string, string>;
}

interface Grant {
  readonly authorization: string | undefined;
  readonly untilMs: number;
}

/** What the specification says of a token without a term. */
const shortestTermMs = 60_000;
const maxTokenBytes = 1 << 20;
const maxRepositories = 1024;
const tokenTimeoutMs = 30_000;

export class LoginAccess implements RegistryAccess {
  readonly #door: HttpDoor;
  readonly #login: Login | undefined;
  readonly #now: () => number;
  /** By repository: what it asks for, and what it was given. */
  readonly #challenges = new Map<string, Challenge>();
  readonly #grants = new Map<string, Promise<Grant>>();

  constructor(door: HttpDoor, login: Login | undefined, now: () => number = () => performance.now()) {
    this.#door = door;
    this.#login = login;
    this.#now = now;
  }

  get rights(): string | undefined {
    return this.#login === undefined ? "" : undefined;
  }

  async request(url: string, request: RegistryRequest): Promise<DoorResponse> {
    const first = await this.#send(url, request, await this.authorization(url, request.signal));
    const challenge = first.status === 401 ? parseChallenge(first.headers["www-authenticate"]) : undefined;
    if (challenge === undefined) return first;
    first.body.destroy();
    if (this.#challenges.size >= maxRepositories) this.#challenges.clear();
    this.#challenges.set(repositoryOf(url), challenge);
    this.expire(url);
    return this.#send(url, request, await this.authorization(url, request.signal));
  }

  async authorization(url: string, signal: AbortSignal): Promise<string | undefined> {
    const repository = repositoryOf(url);
    const challenge = this.#challenges.get(repository);
    if (challenge === undefined) return undefined;
    let granted = this.#grants.get(repository);
    if (granted === undefined || (await untilAborted(granted, signal)).untilMs <= this.#now()) {
      // Somebody else may have begun while this one looked.
      const newer = this.#grants.get(repository);
      granted = newer === granted || newer === undefined ? this.#grant(repository, challenge) : newer;
    }
    return (await untilAborted(granted, signal)).authorization;
  }

  expire(url: string): void {
    this.#grants.delete(repositoryOf(url));
  }

  async #send(url: string, request: RegistryRequest, authorization: string | undefined): Promise<DoorResponse> {
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    try {
      return await this.#door.request(url, { ...request, headers });
    } catch (thrown) {
      throw originFailure(thrown, url, request.signal);
    }
  }

  #grant(repository: string, challenge: Challenge): Promise<Grant> {
    const granted = challenge.scheme === "basic" ? this.#basic() : this.#token(repository, challenge);
    if (this.#grants.size >= maxRepositories) this.#grants.clear();
    this.#grants.set(repository, granted);
    granted.catch(() => {
      if (this.#grants.get(repository) === granted) this.#grants.delete(repository);
    });
    return granted;
  }

  async #basic(): Promise<Grant> {
    return { authorization: this.#basicHeader(), untilMs: Number.POSITIVE_INFINITY };
  }

  #basicHeader(): string | undefined {
    if (this.#login === undefined) return undefined;
    const { username, password } = this.#login;
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }

  async #token(repository: string, { parameters }: Challenge): Promise<Grant> {
    const url = tokenUrl(repository, parameters);
    const authorization = this.#basicHeader();
    const signal = AbortSignal.timeout(tokenTimeoutMs);
    const answer = await this.#send(url.href, { method: "GET", signal }, authorization);
    if (answer.status !== 200) {
      answer.body.destroy();
      throw refusal(answer, `${url.origin}${url.pathname}`, Date.now());
    }
    const { token, access_token: other, expires_in: term } = await readJson(answer, url);
    const text = typeof token === "string" ? token : other;
    if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) throw noToken(url);
    const termMs = typeof term === "number" && term > 0 ? term * 1000 : shortestTermMs;
    // What begins with it may take a while until it is shown.
    return { authorization: `Bearer ${text}`, untilMs: this.#now() + termMs * 0.75 };
  }
}

/** Scheme, host and name of a repository, from any URL below it. */
function repositoryOf(url: string): string {
  return /^(https?:\/\/[^/]+(?:\/.*)?\/v2\/.+)\/(?:manifests|blobs)\/[^/]+$/.exec(url)?.[1] ?? new URL(url).origin;
}

function tokenUrl(repository: string, parameters: ReadonlyMap<string, string>): URL {
  const realm = parameters.get("realm") ?? "";
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const secure = url?.protocol === "https:";
  if (url === undefined || (!secure && (url.protocol !== "http:" || repository.startsWith("https:")))) {
    throw new DragonflyError("origin-refused", "the registry names no token service that credentials may be sent to");
  }
  const service = parameters.get("service");
  if (service !== undefined) url.searchParams.set("service", service);
  const [, name = ""] = /\/v2\/(.+)$/.exec(repository) ?? [];
  url.searchParams.set("scope", parameters.get("scope") ?? `repository:${name}:pull`);
  return url;
}

async function readJson(answer: DoorResponse, url: URL): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxTokenBytes) throw noToken(url);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw noToken(url);
}

function noToken(url: URL): DragonflyError {
  return new DragonflyError("origin-refused", `the token service at ${url.origin} sent no token`);
}

/** RFC 9110, section 11.6.1; a token rather than the password where there is a choice. */
function parseChallenge(header: string | undefined): Challenge | undefined {
  const text = header?.slice(0, 8192) ?? "";
  const bearer = /(?:^|,)\s*bearer\s+(.*)$/is.exec(text)?.[1];
  if (bearer === undefined)
    return /(?:^|,)\s*basic\b/i.test(text) ? { scheme: "basic", parameters: new Map() } : undefined;
  const pairs = bearer.matchAll(/(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g);
  const parameters = [...pairs].map(
    ([, name = "", quoted, bare = ""]) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare] as const,
  );
  return { scheme: "bearer", parameters: new Map(parameters) };
}
