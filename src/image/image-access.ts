// One repository as one party reads it: the registry, and the claim that goes with each request there.

import type { DoorResponse, HttpDoor } from "../net/http-door.ts";
import type { Log } from "../runtime/log.ts";
import { pullScope, type Registries, type Registry } from "./registries.ts";
import { type Inquiry, RegistryClient } from "./registry-client.ts";
import type { Credentials } from "./registry-credentials.ts";
import { type Claim, RegistryLogin } from "./registry-login.ts";
import { RegistrySchemes } from "./registry-scheme.ts";
import type { TokenSource } from "./token-cache.ts";

export interface ImageAccess {
  readonly registry: Registry;
  readonly claim: Claim;
  /** Errors: `origin-unreachable`, `origin-untrusted`, those of the claim. */
  request(inquiry: Inquiry): Promise<DoorResponse>;
}

/** `upstream` is the registry's base URL. Without credentials the configured ones count, else it is read as nobody. */
export type OpenImage = (
  image: { readonly upstream: string; readonly name: string },
  credentials: Credentials | undefined,
) => Promise<ImageAccess>;

export interface OpenImagesOptions {
  readonly door: HttpDoor;
  readonly tokens: TokenSource;
  readonly registries: Registries;
  readonly log: Log;
}

export function openImages({ door, tokens, registries, log }: OpenImagesOptions): OpenImage {
  const client = new RegistryClient(door);
  const logins = new RegistryLogin({ schemes: new RegistrySchemes(door), tokens, log });
  return async ({ upstream, name }, credentials) => {
    const at = registries.at(upstream);
    const registry = credentials === undefined ? at : { ...at, credentials: { get: async () => credentials } };
    const scopes = [pullScope(registry, name)];
    const claim = await logins.claim({ registry, scopes, authorization: undefined, mayLogIn: true });
    return { registry, claim, request: (inquiry) => client.request(registry, claim, inquiry) };
  };
}
