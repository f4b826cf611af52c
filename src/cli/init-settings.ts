// What `dragonfly init` can be told, and how it becomes a wish, with what the daemon's own configuration says.

import { DragonflyError } from "../core/error.ts";
import type { Engine, Mirror, Registry, Wish } from "../engine/engine.ts";
import { formatAddress, isLoopback, parseAddress } from "../runtime/address.ts";
import type { DaemonConfig, Schema } from "../runtime/config.ts";
import { directory, file, text, toggle } from "../runtime/kinds.ts";
import { logSettings } from "../runtime/log-settings.ts";
import { type Kind, optional, setting } from "../runtime/setting.ts";

const mostRegistries = 100;
const only = "flag";

const registries: Kind<readonly Registry[]> = {
  placeholder: "HOST",
  repeatable: true,
  parse(raw) {
    const given = (Array.isArray(raw) ? raw : [raw]).flatMap((one) => text(one).split(","));
    const parsed = new Map(given.map(parseRegistry).map((one) => [one.host, one]));
    if (parsed.size <= mostRegistries) return [...parsed.values()];
    throw new DragonflyError("bad-config", `at most ${mostRegistries} registries can be mirrored`);
  },
};

const mirror: Kind<Mirror> = {
  placeholder: "URL",
  parse(raw) {
    const [, scheme = "", authority = ""] = /^(https?):\/\/([^/?#@\s]+)\/?$/i.exec(text(raw)) ?? [];
    const address = authority === "" ? undefined : parseAddress(authority, scheme.toLowerCase() === "https" ? 443 : 80);
    if (address !== undefined && address.port !== 0 && /^[\w.:-]+$/.test(address.host)) {
      return mirrorAt(authority.toLowerCase(), scheme.toLowerCase() === "https");
    }
    throw new DragonflyError("bad-config", `"${text(raw)}" is not a mirror: write http://HOST:PORT, without a path`);
  },
};

export const settings = {
  registry: optional({
    name: "registry",
    kind: registries,
    only,
    help: "mirror this registry; repeatable (default: docker.io, or for crio and podman the daemon's)",
  }),
  mirror: optional({
    name: "mirror",
    kind: mirror,
    only,
    help: "where the mirror is (default: the daemon's proxy address, http://127.0.0.1:65001)",
  }),
  dryRun: setting({ name: "dry-run", kind: toggle, only, help: "show the edit and leave it at that" }, "false"),
  undo: setting({ name: "undo", kind: toggle, only, help: "take back what an earlier run edited" }, "false"),
  yes: setting({ name: "yes", short: "y", kind: toggle, only, help: "do not ask" }, "false"),
  json: setting({ name: "json", kind: toggle, only, help: "print one JSON object" }, "false"),
  root: setting({ name: "root", kind: directory, only, help: "edit the files below this directory" }, "/"),
  ...logSettings,
  config: optional({
    name: "config",
    kind: file,
    only,
    group: "Configuration and logs:",
    help: "the daemon's configuration (default: /etc/dragonfly/daemon.yaml when it is there)",
  }),
};

export interface InitConfig {
  readonly registries: readonly Registry[] | undefined;
  readonly mirror: Mirror | undefined;
  readonly dryRun: boolean;
  readonly undo: boolean;
  readonly yes: boolean;
  readonly json: boolean;
  readonly root: string;
}

export const initSchema: Schema<typeof settings, InitConfig> = {
  role: "init",
  settings,
  check: ({ values }) => [
    ...(values.undo === true && (values.registry ?? values.mirror) !== undefined
      ? ["--undo takes back everything: leave out --registry and --mirror"]
      : []),
    ...(values.yes === true && values.dryRun === true ? ["--yes and --dry-run contradict each other"] : []),
  ],
  config: ({ registry, mirror, dryRun, undo, yes, json, root }) => ({
    ...{ registries: registry, mirror, dryRun, undo, yes, json, root },
  }),
};

/** Throws `bad-usage` for a registry that the daemon would take for another. */
export function wishOf(engine: Engine, config: InitConfig, daemon: DaemonConfig): Wish {
  const served = daemon.registry === undefined ? dockerHub : registryAt(daemon.registry);
  const registries = config.registries ?? [engine.tellsRegistry === "in each request" ? dockerHub : served];
  // What a mirror stands for that the user names, nobody here can know.
  if (config.mirror !== undefined) return { registries, mirror: config.mirror };
  const mirror = daemonsMirror(daemon);
  if (engine.tellsRegistry === "in each request") return { registries, mirror };
  const known = new Set(daemon.registries.map(({ host }) => canonical(host)));
  return { registries: registries.map((one) => asKnown(one, { engine, served, known })), mirror };
}

/** An engine that does not say which registry it means is told so: the daemon's own, or one that it is configured for, by its name. */
function asKnown(
  registry: Registry,
  by: { readonly engine: Engine; readonly served: Registry; readonly known: ReadonlySet<string> },
): Registry {
  const { host } = registry;
  if (host === by.served.host) return registry;
  // In the name of a repository there is no room for a port.
  const canBeNamed = by.engine.tellsRegistry === "in the mirror's path" && !host.includes(":");
  if (canBeNamed && by.known.has(host)) return { ...registry, byName: true };
  const why = `${by.engine.name} does not tell a mirror which registry it means, and the daemon's is ${by.served.host}`;
  const way = canBeNamed ? `add ${host} to the daemon's registries, ` : "";
  const todo = `${way}set the daemon's registry, or say with --mirror where another mirror is`;
  throw new DragonflyError("bad-usage", `${host}: ${why}: ${todo}`);
}

const dockerHub: Registry = { host: "docker.io", tls: true };

function parseRegistry(given: string): Registry {
  const [, scheme, host = ""] = /^(?:(https?):\/\/)?([\w.-]+(?::\d{1,5})?)\/?$/i.exec(given.trim()) ?? [];
  if (!/^[a-z0-9]/i.test(host) || host.includes("..")) {
    throw new DragonflyError("bad-config", `"${given}" is not a registry: write HOST or HOST:PORT, as in docker.io`);
  }
  const tls = scheme === undefined ? !isLoopback(host.replace(/:\d+$/, "")) : scheme.toLowerCase() === "https";
  return { host: canonical(host.toLowerCase()), tls };
}

function registryAt(url: string): Registry {
  const { host, protocol } = new URL(url);
  return { host: canonical(host), tls: protocol === "https:" };
}

/** Docker Hub's servers have other names than its images. */
function canonical(host: string): string {
  return ["registry-1.docker.io", "index.docker.io"].includes(host) ? "docker.io" : host;
}

function daemonsMirror({ proxy }: DaemonConfig): Mirror {
  if (proxy === null || proxy.port === 0) {
    const what = proxy === null ? "has its proxy off" : "picks a free port for its proxy";
    throw new DragonflyError("bad-config", `the daemon ${what}: set proxy to HOST:PORT, or say --mirror URL`);
  }
  const everywhere = { "0.0.0.0": "127.0.0.1", "::": "::1" }[proxy.host];
  return mirrorAt(formatAddress({ ...proxy, host: everywhere ?? proxy.host }), false);
}

function mirrorAt(authority: string, tls: boolean): Mirror {
  return { url: `${tls ? "https" : "http"}://${authority}`, authority, tls };
}
