// What a digest names in a repository, as it is asked of the swarm and, there, of the registry.

import type { ContentRequest } from "./content.ts";
import { manifestTypes } from "./manifest-type.ts";
import { type Registry, urlAt } from "./registries.ts";
import type { ContentPath } from "./registry-path.ts";

export interface Requester {
  /** The media types that an engine would like; a digest names one content whatever they are. */
  readonly accept?: string | undefined;
  /** See `TaskRequest.rights`. */
  readonly rights: string | undefined;
  readonly authorization?: string | undefined;
}

export function contentRequest(registry: Registry, path: ContentPath, requester: Requester): ContentRequest {
  const { kind, name, digest } = path;
  const { ca, insecure } = registry.trust;
  const { rights, authorization } = requester;
  return {
    url: urlAt(registry, `/v2/${name}/${kind}s/${digest}`),
    headers: {
      ...(kind === "manifest" ? { accept: manifestAccept(requester.accept) } : {}),
      ...(authorization === undefined ? {} : { authorization }),
    },
    digest,
    kind,
    rights,
    ca,
    insecureOrigin: insecure,
  };
}

/** All types of manifest, after those that somebody asked for: some registries hide a manifest from who does not name its type. */
export function manifestAccept(asked?: string): string {
  return [asked, ...Object.values(manifestTypes)].filter(Boolean).join(", ");
}
