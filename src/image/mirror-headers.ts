// What of a registry's answer has to change on its way through the mirror: where tokens are to be had, and where the next page or the upload
// is. Paths are the mirror's then, so that the engine comes back here.

import type { DoorResponse } from "../net/http-door.ts";
import type { Located } from "./registries.ts";
import { challengeFor } from "./token-endpoint.ts";

export interface Answered extends Located {
  /** Where engines find the mirror; undefined for one that must not know that it is here. */
  readonly origin: string | undefined;
  /** As the engine names it, without what stood before. */
  readonly name: string | undefined;
}

export function mirrorHeaders(
  { status, headers }: Pick<DoorResponse, "status" | "headers">,
  { registry, before, name, origin }: Answered,
): Record<string, string> {
  const challenge = status === 401 ? headers["www-authenticate"] : undefined;
  const changed: Record<string, string> = {};
  if (challenge !== undefined) {
    const repository = name === undefined ? undefined : `${before}${name}`;
    changed["www-authenticate"] = challengeFor(challenge, { service: registry.host, repository, origin });
  }
  const there = `${new URL(registry.root).pathname.replace(/\/$/, "")}/v2/${registry.prefix}`;
  const here = `/v2/${before}`;
  if (there === here) return changed;
  const { location, link } = headers;
  if (location?.startsWith(there)) changed.location = `${here}${location.slice(there.length)}`;
  if (link?.startsWith(`<${there}`)) changed.link = `<${here}${link.slice(there.length + 1)}`;
  return changed;
}
