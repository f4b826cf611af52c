// Asks registries on somebody's behalf: with the claim's Authorization, and once more with another one where that was refused and there is
// one. Questions that many ask at the same moment about a tag are asked once; the answer is not kept.

import type { DoorRequest, DoorResponse, HttpDoor } from "../net/http-door.ts";
import { discard } from "../origin/redirect.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import { ask } from "./passage.ts";
import type { Registry } from "./registries.ts";
import type { Claim } from "./registry-login.ts";

export interface Inquiry extends DoorRequest {
  readonly url: string;
  readonly signal: AbortSignal;
}

/** An answer without a body. */
export type Head = Pick<DoorResponse, "status" | "headers">;

const lookUpWithinMs = 60_000;

export class RegistryClient {
  readonly #door: HttpDoor;
  readonly #lookingUp = new Map<string, Promise<Head>>();

  constructor(door: HttpDoor) {
    this.#door = door;
  }

  /** Errors: `origin-unreachable`, `origin-untrusted`, those of the claim. */
  async request(registry: Registry, claim: Claim, { url, ...request }: Inquiry): Promise<DoorResponse> {
    const { signal } = request;
    const attempt = (authorization: string | undefined): Promise<DoorResponse> => {
      const headers = withAuthorization(request.headers ?? {}, authorization);
      return ask(this.#door, url, { ...request, headers, trust: registry.trust });
    };
    const authorization = await claim.authorization(signal);
    const answer = await attempt(authorization);
    if (answer.status !== 401) return answer;
    const again = await claim.renewed({ authorization, challenge: answer.headers["www-authenticate"] }, signal);
    if (again === undefined) return answer;
    discard(answer);
    return attempt(again);
  }

  /** HEAD, shared by all with the same claim who ask at the same moment. */
  async head(registry: Registry, claim: Claim, { url, headers = {}, signal }: Inquiry): Promise<Head> {
    const who = claim.rights ?? (await claim.authorization(signal)) ?? "";
    const key = JSON.stringify([url, headers, claim.rights !== undefined, who]);
    const running =
      this.#lookingUp.get(key) ??
      this.#head(registry, claim, { url, headers, signal: AbortSignal.timeout(lookUpWithinMs) }).finally(() =>
        this.#lookingUp.delete(key),
      );
    this.#lookingUp.set(key, running);
    // All who waited may have left.
    running.catch(() => {});
    return untilAborted(running, signal);
  }

  async #head(registry: Registry, claim: Claim, inquiry: Inquiry): Promise<Head> {
    const { status, headers, body } = await this.request(registry, claim, { ...inquiry, method: "HEAD" });
    body.resume();
    return { status, headers };
  }
}

/** In place of the one that is there, or of none. */
export function withAuthorization(
  headers: Readonly<Record<string, string>>,
  authorization: string | undefined,
): Record<string, string> {
  const { authorization: _, ...others } = headers;
  return authorization === undefined ? others : { ...others, authorization };
}
