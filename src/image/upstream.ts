// Which registry a request to the mirror means: the one that the engine names (containerd's `ns`), or the default.

import { DragonflyError } from "../core/error.ts";

/** Docker Hub's names for people, and where its registry is. */
const hubNames = new Set(["docker.io", "index.docker.io", "registry.hub.docker.com"]);
const hub = "https://registry-1.docker.io";

const hostPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;

/**
 * The registry's base URL, without a slash at its end. A namespace that is the default's host means the default, with its scheme and path;
 * any other is spoken to over TLS. Errors: `bad-usage`.
 */
export function upstreamOf(namespace: string | undefined, configured: string | undefined): string {
  const standard = withoutSlash(configured === undefined ? hub : hubOr(new URL(configured)));
  if (namespace === undefined) return standard;
  if (hubNames.has(namespace)) return hub;
  if (!hostPattern.test(namespace) || !URL.canParse(`https://${namespace}`)) {
    throw new DragonflyError(
      "bad-usage",
      `ns="${namespace.slice(0, 80)}" is no registry: it must be HOST or HOST:PORT`,
    );
  }
  return namespace.toLowerCase() === new URL(standard).host ? standard : `https://${namespace.toLowerCase()}`;
}

function hubOr(url: URL): string {
  return hubNames.has(url.hostname) ? hub : url.href;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
