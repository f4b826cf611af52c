// What a digest names in a repository, as a registry is asked for it: in one place, so that a pull finds what a preheat fetched.

import type { ContentRequest } from "./content.ts";
import { manifestTypes } from "./manifest-type.ts";
import type { ContentPath } from "./registry-path.ts";

/** What of its headers somebody who asks lets the registry see. */
export interface Requester {
  readonly accept?: string | undefined;
  readonly authorization?: string | undefined;
}

export function contentRequest(upstream: string, path: ContentPath, requester: Requester): ContentRequest {
  const { kind, name, digest } = path;
  const { accept, authorization } = requester;
  // A digest names one content, whatever type its reader would like: some registries hide a manifest from who does not name its type.
  const types = kind === "manifest" ? { accept: manifestAccept(accept) } : {};
  return {
    url: `${upstream}/v2/${name}/${kind}s/${digest}`,
    headers: { ...types, ...(authorization === undefined ? {} : { authorization }) },
    digest,
    kind,
  };
}

/** All types of manifest, after those that somebody asked for. */
export function manifestAccept(asked?: string): string {
  return [asked, ...Object.values(manifestTypes)].filter(Boolean).join(", ");
}
