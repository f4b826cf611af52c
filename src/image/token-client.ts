// Asks a registry's token service for a token (distribution specification, "Token Authentication"; with an identity token its OAuth2 form). A
// service that is busy or failing is asked again, as late as it wishes within bounds.

import { DragonflyError } from "../core/error.ts";
import type { DoorRequest, DoorResponse, HttpDoor, Trust } from "../net/http-door.ts";
import { isTransient, refusal } from "../origin/origin-error.ts";
import { discard, httpUrl } from "../origin/redirect.ts";
import { defaultRetry, pause, type RetryPolicy, retryDelayMs } from "../origin/retry.ts";
import { publicUrl } from "../wire/public-url.ts";
import { ask } from "./passage.ts";
import { basicAuthorization, type Credentials } from "./registry-credentials.ts";

/** Holds credentials: never logged, stored or shown. */
export interface TokenRequest {
  /** The service's URL. */
  readonly realm: string;
  readonly service?: string | undefined;
  readonly scopes: readonly string[];
  /** None: an anonymous token. */
  readonly credentials?: Credentials | undefined;
  readonly trust: Trust;
}

export interface Token {
  readonly token: string;
  /** How long it may still be used, in milliseconds from now. */
  readonly forMs: number;
}

const maxAnswerBytes = 256 * 1024;
/** What the specification says for a service that says nothing. */
const defaultSeconds = 60;
const maxSeconds = 86_400;

export class TokenClient {
  readonly #door: HttpDoor;
  readonly #retry: RetryPolicy;

  constructor(door: HttpDoor, retry: RetryPolicy = defaultRetry) {
    this.#door = door;
    this.#retry = retry;
  }

  /** Errors: `origin-refused` with the service's status, `origin-unreachable`, `origin-untrusted`, and the signal's reason. */
  async fetch(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#once(request, signal);
      } catch (thrown) {
        const error = DragonflyError.from(thrown);
        if (signal.aborted || failures >= this.#retry.tries || !isTransient(error)) throw error;
        await pause(retryDelayMs(this.#retry, failures, error.retryAfterMs), signal);
      }
    }
  }

  async #once(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    const { url, ...asked } = messageOf(request);
    const answer = await ask(this.#door, url, { ...asked, trust: request.trust, signal });
    if (answer.status !== 200) {
      discard(answer);
      throw refusal(answer, publicUrl(request.realm), Date.now());
    }
    const token = tokenIn(await bodyOf(answer, request.realm));
    if (token !== undefined) return token;
    throw new DragonflyError(
      "origin-refused",
      `the token service at ${publicUrl(request.realm)} answered without a token`,
    );
  }
}

type Pair = [name: string, value: string];

function messageOf({ realm, service, scopes, credentials }: TokenRequest): DoorRequest & { readonly url: string } {
  const url = httpUrl(realm);
  const headers = { accept: "application/json", "user-agent": "dragonfly" };
  const named: readonly Pair[] = service === undefined ? [] : [["service", service]];
  if (credentials?.kind === "identity") {
    const grant: readonly Pair[] = [
      ["grant_type", "refresh_token"],
      ["refresh_token", credentials.token],
      ["client_id", "dragonfly"],
    ];
    const body = new URLSearchParams([...grant, ...named, ["scope", scopes.join(" ")]]).toString();
    const type = { "content-type": "application/x-www-form-urlencoded" };
    return { url: url.href, method: "POST", headers: { ...headers, ...type }, body };
  }
  for (const [name, value] of named) url.searchParams.append(name, value);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credentials === undefined) return { url: url.href, headers };
  const { username, password } = credentials;
  url.searchParams.append("account", username);
  return { url: url.href, headers: { ...headers, authorization: basicAuthorization(username, password) } };
}

async function bodyOf({ body }: DoorResponse, realm: string): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) throw new Error("too long");
    }
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    // Without the cause: it could repeat a part of a token.
    throw new DragonflyError("origin-refused", `the token service at ${publicUrl(realm)} answered what is no JSON`);
  }
}

function tokenIn(answer: unknown): Token | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { token, access_token: other, expires_in: seconds } = answer as Readonly<Record<string, unknown>>;
  const found = typeof token === "string" && token !== "" ? token : other;
  // What could not be a header's value is no token.
  if (typeof found !== "string" || !/^[\x21-\x7e]+$/.test(found)) return undefined;
  const valid = typeof seconds === "number" && seconds > 0 ? Math.min(seconds, maxSeconds) : defaultSeconds;
  return { token: found, forMs: valid * 1000 };
}
