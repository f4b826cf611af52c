// What a path of the registry API asks for, by the grammar of the OCI distribution specification 1.1. Only names, references and digests
// that it allows get any further.

import { DragonflyError } from "../core/error.ts";
import type { Digest } from "../core/ids.ts";

export type { Digest };

/** What a digest names: the swarm may have it, since it is the same wherever it comes from. */
export interface ContentPath {
  readonly kind: "manifest" | "blob";
  readonly name: string;
  readonly digest: Digest;
}

/** A name for a manifest that the registry may give to another one at any time. */
export interface TagPath {
  readonly kind: "tag";
  readonly name: string;
}

/** Everything else that only the registry itself can answer; without a name it is about all repositories. */
export interface OtherPath {
  readonly kind: "other";
  readonly name?: string;
}

export type RegistryPath = { readonly kind: "ping" } | ContentPath | TagPath | OtherPath;

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const namePattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]{32,256}$/;
const sha256Pattern = /^sha256:[0-9a-f]{64}$/;
const maxNameLength = 255;

/** Undefined for what is no path of the registry API. Errors: `bad-usage` for a name, reference or digest that cannot be. */
export function registryPath(path: string): RegistryPath | undefined {
  const decoded = decode(path);
  if (decoded === "/v2" || decoded === "/v2/") return { kind: "ping" };
  if (decoded === "/v2/_catalog") return { kind: "other" };
  const [, name = "", kind, rest = ""] =
    uploadOf(decoded) ?? /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]*)$/.exec(decoded) ?? [];
  if (kind === undefined) return undefined;
  if (name.length > maxNameLength || !namePattern.test(name)) throw refused("repository name", name);
  if (kind === "uploads" || kind === "tags") return plain(rest) ? { kind: "other", name } : undefined;
  if (isDigest(rest) && kind !== "referrers")
    return { kind: kind === "blobs" ? "blob" : "manifest", name, digest: rest };
  if (kind === "manifests" && tagPattern.test(rest)) return { kind: "tag", name };
  if (!digestPattern.test(rest) || (rest.startsWith("sha256:") && !isDigest(rest))) {
    throw refused(kind === "manifests" ? "tag or digest" : "digest", rest);
  }
  return { kind: "other", name };
}

export function isDigest(text: string | undefined): text is Digest {
  return text !== undefined && sha256Pattern.test(text);
}

/** An upload's place is the registry's own invention: an id, with or without a slash. */
function uploadOf(path: string): readonly string[] | null {
  const match = /^\/v2\/(.+)\/blobs\/uploads(?:\/(.*))?$/.exec(path);
  return match === null ? null : [path, match[1] ?? "", "uploads", match[2] ?? ""];
}

function plain(rest: string): boolean {
  return /^[\w.=~-]*$/.test(rest) && rest !== ".." && rest !== ".";
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw refused("path", path);
  }
}

function refused(what: string, text: string): DragonflyError {
  return new DragonflyError("bad-usage", `"${text.slice(0, 80)}" is no ${what}, as registries have them`);
}
