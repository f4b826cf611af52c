// How registries want their askers to log in: learned from their own challenges, by a request to /v2/ where there was none yet.

import type { HttpDoor } from "../net/http-door.ts";
import { discard } from "../origin/redirect.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import { parseChallenges } from "./challenge.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { ask } from "./passage.ts";
import type { Registry } from "./registries.ts";

export type Scheme =
  /** Nobody has to log in, or nobody could in a way that is known here. */
  | { readonly kind: "open" }
  | { readonly kind: "basic"; readonly challenge: string }
  | {
      readonly kind: "bearer";
      readonly realm: string;
      readonly service: string | undefined;
      readonly challenge: string;
    };

const open = { kind: "open" } as const;
const maxKnown = 1024;
const knownForMs = 3_600_000;
const openForMs = 60_000;
const askWithinMs = 5000;
/** One that does not answer is not waited for each time. */
const awayForMs = 10_000;

export class RegistrySchemes {
  readonly #door: HttpDoor;
  readonly #known = new ExpiringMap<string, Scheme>(maxKnown);
  readonly #asking = new Map<string, Promise<Scheme>>();

  constructor(door: HttpDoor) {
    this.#door = door;
  }

  known({ root }: Registry): Scheme | undefined {
    return this.#known.get(root);
  }

  /** `open` as well for a registry that does not answer: the request itself will tell. */
  async of(registry: Registry, signal: AbortSignal): Promise<Scheme> {
    const { root } = registry;
    const known = this.#known.get(root);
    if (known !== undefined) return known;
    const asking = this.#asking.get(root) ?? this.#ask(registry).finally(() => this.#asking.delete(root));
    this.#asking.set(root, asking);
    return untilAborted(asking, signal);
  }

  /** What a 401 said. */
  learn({ root }: Registry, challenge: string | undefined): Scheme {
    const scheme = schemeOf(challenge);
    this.#known.set(root, scheme, scheme.kind === "open" ? openForMs : knownForMs);
    return scheme;
  }

  async #ask(registry: Registry): Promise<Scheme> {
    const { root, trust } = registry;
    const signal = AbortSignal.timeout(askWithinMs);
    try {
      const answer = await ask(this.#door, `${root}/v2/`, { headers: { "user-agent": "dragonfly" }, trust, signal });
      discard(answer);
      return this.learn(registry, answer.status === 401 ? answer.headers["www-authenticate"] : undefined);
    } catch {
      this.#known.set(root, open, awayForMs);
      return open;
    }
  }
}

/** Tokens are preferred: a registry that takes both takes a password for compatibility. */
function schemeOf(challenge: string | undefined): Scheme {
  const offered = parseChallenges(challenge);
  const bearer = offered.find(({ scheme }) => scheme === "bearer");
  const realm = bearer?.parameters.get("realm");
  if (challenge === undefined) return open;
  if (realm !== undefined && /^https?:\/\//i.test(realm) && URL.canParse(realm)) {
    return { kind: "bearer", realm, service: bearer?.parameters.get("service"), challenge };
  }
  return offered.some(({ scheme }) => scheme === "basic") ? { kind: "basic", challenge } : open;
}
