// The name of an image as people write it, with what is left out filled in as Docker and containerd do: nginx is
// docker.io/library/nginx:latest. Also read: the URL that the image's manifest has at its registry.

import { DragonflyError } from "../core/error.ts";
import { type Digest, registryPath } from "./registry-path.ts";
import { upstreamOf } from "./upstream.ts";

export interface ImageReference {
  /** The registry's base URL, without a slash at its end. */
  readonly upstream: string;
  /** The repository. */
  readonly name: string;
  /** What it names; a digest where there is one, whatever tag stands beside it. */
  readonly wanted:
    | { readonly kind: "tag"; readonly tag: string }
    | { readonly kind: "digest"; readonly digest: Digest };
}

const hub = "docker.io";

/** `plainHttp`: the registry is spoken to without TLS. Errors: `bad-usage`. */
export function parseImageReference(text: string, plainHttp = false): ImageReference {
  if (/^https?:\/\//i.test(text)) return fromUrl(text);
  const rest = text.replace(/^oci:\/\//i, "");
  if (rest.includes("://")) throw unreadable(rest, "write oci://HOST/NAME:TAG");
  if (rest.includes("@") && !/^[^@]+@[a-z0-9+._-]+:[^@]+$/.test(rest)) {
    throw unreadable("", "an image's name holds no user or password: give --username and --password-stdin");
  }
  const [named = "", digest] = rest.split("@");
  const { host, path } = splitHost(named);
  const [, repository = "", tag] = /^(.*?)(?::([^:/]*))?$/.exec(path) ?? [];
  const name = host === hub && !repository.includes("/") ? `library/${repository}` : repository;
  const upstream = upstreamOf(host, undefined);
  return {
    upstream: plainHttp ? upstream.replace(/^https:/, "http:") : upstream,
    name,
    wanted: wantedOf(name, digest ?? tag ?? "latest"),
  };
}

/** In full, as it is shown. */
export function formatImageReference({ upstream, name, wanted }: ImageReference): string {
  const host = new URL(upstream).host;
  return `oci://${host}/${name}${wanted.kind === "tag" ? `:${wanted.tag}` : `@${wanted.digest}`}`;
}

/** The first part is a host if it cannot be part of a name on Docker Hub. */
function splitHost(named: string): { readonly host: string; readonly path: string } {
  const slash = named.indexOf("/");
  const first = slash === -1 ? "" : named.slice(0, slash);
  const isHost = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  if (!isHost) return { host: hub, path: named };
  const host = first === "index.docker.io" ? hub : first;
  return { host, path: named.slice(slash + 1) };
}

function fromUrl(text: string): ImageReference {
  if (!URL.canParse(text)) throw unreadable("", "it is no URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    throw unreadable(url.host, "a URL with user or password is refused: give --username and --password-stdin");
  }
  const [, name, reference] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname) ?? [];
  if (name === undefined || reference === undefined) {
    throw unreadable(
      `${url.origin}${url.pathname}`,
      "write oci://HOST/NAME:TAG, or https://HOST/v2/NAME/manifests/TAG",
    );
  }
  return { upstream: url.origin, name, wanted: wantedOf(name, decodeURIComponent(reference)) };
}

/** By the grammar that the registry API has for it. */
function wantedOf(name: string, reference: string): ImageReference["wanted"] {
  if (name === "") throw unreadable(name, "it has no name");
  const path = registryPath(`/v2/${name}/manifests/${reference}`);
  if (path?.kind === "manifest") return { kind: "digest", digest: path.digest };
  if (path?.kind === "tag") return { kind: "tag", tag: reference };
  throw unreadable(`${name}@${reference}`, "its digest is not of SHA-256");
}

function unreadable(text: string, why: string): DragonflyError {
  const shown = text === "" ? "" : `"${text.slice(0, 200)}" `;
  return new DragonflyError("bad-usage", `${shown}cannot be read as an image: ${why}`);
}
