// Which registry a request to the mirror means, and how that one is reached: the one that the engine names, in `ns` or as the first segment of
// the repository's name, or the default.

import { DragonflyError } from "../core/error.ts";
import type { Trust } from "../net/http-door.ts";
import type { Log } from "../runtime/log.ts";
import type { RegistryConfig } from "../runtime/registry-config.ts";
import { CredentialFile, readSmallFile } from "./registry-credentials.ts";
import { upstreamOf } from "./upstream.ts";

export interface Registry {
  /** As engines name it. */
  readonly host: string;
  /** What its API's paths begin with: `https://registry.example`. */
  readonly root: string;
  /** Stands before every repository's name there, with a slash at its end: `hub-proxy/`. */
  readonly prefix: string;
  readonly trust: Trust;
  /** What the mirror logs in with there, where an engine shows nothing. */
  readonly credentials: Pick<CredentialFile, "get"> | undefined;
}

/** A request, as the registry will see it. */
export interface Located {
  readonly registry: Registry;
  /** Of the registry's API, without host and prefix: `/v2/team/app/tags/list`. */
  readonly path: string;
  /** Where the repository's name began with it: `registry.example/`. */
  readonly before: string;
  /** Nobody said which registry, and several could be meant. */
  readonly vague: boolean;
}

export interface RegistriesOptions {
  readonly registries: readonly RegistryConfig[];
  /** The default; Docker Hub where there is none. */
  readonly registry?: string | undefined;
  readonly log: Log;
}

const hubRoot = upstreamOf("docker.io", undefined);

export class Registries {
  readonly #configured: ReadonlyMap<string, Registry>;
  readonly #fallback: string | undefined;

  private constructor(configured: readonly Registry[], fallback: string | undefined) {
    this.#configured = new Map(configured.map((registry) => [nameOf(registry.host), registry]));
    this.#fallback = fallback;
  }

  /** Reads what the configuration names. Errors: `bad-config`. */
  static async load({ registries, registry, log }: RegistriesOptions): Promise<Registries> {
    const read = async (config: RegistryConfig): Promise<Registry> => {
      const { host, url, caFile, insecure, login: file } = config;
      try {
        const ca = caFile === undefined ? undefined : await readCertificates(caFile);
        const trust = { ...(ca === undefined ? {} : { ca }), ...(insecure ? { insecure } : {}) };
        const credentials = file === undefined ? undefined : await CredentialFile.open({ host, file, log });
        // Nothing else was said: Docker Hub is not where its name is, and the default registry may be without TLS.
        const reached = url === `https://${host}` ? upstreamOf(host, registry) : url;
        return { host, ...splitUrl(reached), trust, credentials };
      } catch (thrown) {
        throw new DragonflyError("bad-config", `registries: ${host}: ${DragonflyError.from(thrown).message}`);
      }
    };
    return new Registries(await Promise.all(registries.map(read)), registry);
  }

  /** By the name that an engine gives; the default for none. Errors: `bad-usage`. */
  find(name: string | undefined): Registry {
    const upstream = upstreamOf(name, this.#fallback);
    const host = name ?? (upstream === hubRoot ? "docker.io" : new URL(upstream).host);
    return (
      this.#configured.get(nameOf(host)) ?? {
        host: host.toLowerCase(),
        ...splitUrl(upstream),
        trust: {},
        credentials: undefined,
      }
    );
  }

  /** The one at this place, for a request that names it by its URL. */
  at(origin: string): Registry {
    return this.#configured.get(nameOf(new URL(origin).host)) ?? registryAt(origin);
  }

  /** `path` as it came, `namespace` from `ns`. Errors: `bad-usage`. */
  locate(path: string, namespace: string | undefined): Located {
    if (namespace !== undefined) return { registry: this.find(namespace), path, before: "", vague: false };
    const [, first = "", rest = ""] = /^\/v2\/([^/]+)(\/.*)$/.exec(path) ?? [];
    const before = this.hostIn(`${decoded(first)}/`);
    if (before !== "") return { registry: this.find(before.slice(0, -1)), path: `/v2${rest}`, before, vague: false };
    const vague = this.#configured.size > 0 && /^\/v2\/?$/.test(path);
    return { registry: this.find(undefined), path, before: "", vague };
  }

  /** `registry.example/` of a name that begins with a configured registry, else nothing. A plain word is never taken for a host. */
  hostIn(name: string): string {
    const [first = ""] = name.split("/", 1);
    const isHost = /[.:]/.test(first) || first === "localhost";
    return isHost && name.length > first.length && this.#configured.has(nameOf(first)) ? `${first}/` : "";
  }
}

/** One that nothing is configured for. */
export function registryAt(root: string): Registry {
  return { host: new URL(root).host, root, prefix: "", trust: {}, credentials: undefined };
}

/** A path of the registry's API, with or without a query, as a URL there. */
export function urlAt({ root, prefix }: Registry, path: string): string {
  return `${root}${path.replace(/^\/v2\/(?!_catalog|$|\?)/, `/v2/${prefix}`)}`;
}

/** What a token must be good for. */
export function pullScope({ prefix }: Registry, name: string): string {
  return `repository:${prefix}${name}:pull`;
}

/** `https://host/path/v2/prefix`: what follows `/v2/` belongs to the names. */
function splitUrl(url: string): { readonly root: string; readonly prefix: string } {
  const [, root = url, prefix = ""] = /^(.*?)\/v2(?:\/(.*?))?\/?$/.exec(url) ?? [];
  return { root, prefix: prefix === "" ? "" : `${prefix}/` };
}

const hubNames = new Set(["index.docker.io", "registry.hub.docker.com", "registry-1.docker.io"]);

function nameOf(host: string): string {
  const lower = host.toLowerCase();
  return hubNames.has(lower) ? "docker.io" : lower;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

async function readCertificates(path: string): Promise<string> {
  const text = await readSmallFile(path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new DragonflyError("bad-config", `${path} has no certificate in PEM`);
}
