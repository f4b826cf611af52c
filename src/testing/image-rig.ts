// What tests of whole images have in common: pushing one to a registry, daemons in front of it, and what the registry says it sent.

import { ProcessSwarm, type ProcessSwarmOptions } from "./process-swarm.ts";
import { type Registry, skopeo } from "./registry.ts";

/** An image layout's image `1`, all platforms, as it is. */
export function pushImage(layout: string, to: Registry, name: string, ...flags: readonly string[]): Promise<string> {
  const all = ["--all", "--preserve-digests", "--dest-tls-verify=false"];
  return skopeo("copy", ...all, ...flags, `oci:${layout}:1`, `docker://${to.host}/${name}`);
}

/** A cluster whose daemons mirror a registry, and their mirrors' URLs. */
export async function mirrorsOf(
  upstream: string,
  options: Omit<ProcessSwarmOptions, "supernode"> = {},
): Promise<[ProcessSwarm, string[]]> {
  const daemonFlags = ["--proxy", "127.0.0.1:0", "--registry", upstream, ...(options.daemonFlags ?? [])];
  const swarm = await ProcessSwarm.start({ ...options, daemonFlags });
  const urls = swarm.hosts.map(({ daemon }) => /proxy (http:\S+),/.exec(String(daemon?.stdout))?.[1] ?? "");
  return [swarm, urls];
}

/** Bytes of content that the registry sent, by digest, since so many requests. */
export async function sentByDigest(from: Registry, skipped = 0): Promise<Map<string, number>> {
  const sent = new Map<string, number>();
  for (const { method, uri, sentBytes, status } of (await from.requests()).slice(skipped)) {
    const [, digest] = /\/(?:blobs|manifests)\/(sha256:[0-9a-f]{64})$/.exec(uri) ?? [];
    if (method !== "GET" || digest === undefined || status >= 300) continue;
    sent.set(digest, (sent.get(digest) ?? 0) + sentBytes);
  }
  return sent;
}

/** Who read blobs since so many requests, by the name each gives itself. */
export async function blobReaders(from: Registry, skipped: number): Promise<string[]> {
  const reads = (await from.requests())
    .slice(skipped)
    .filter(({ method, uri }) => method === "GET" && uri.includes("/blobs/"));
  return [...new Set(reads.map(({ agent }) => agent.replace(/\/.*/s, "")))].sort();
}
