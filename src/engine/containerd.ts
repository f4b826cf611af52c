// containerd: a mirror is a host in certs.d/<registry>/hosts.toml, and config.toml must say that certs.d is where to look.

import { DragonflyError } from "../core/error.ts";
import { addConfigPath } from "./containerd-config.ts";
import type { Engine, Mirror, PlannedFile, Registry, Tree } from "./engine.ts";
import { append, insertAt, ownComment } from "./text-edit.ts";
import { aboveComment, samePath, scanToml, tomlString } from "./toml.ts";

const configFile = "/etc/containerd/config.toml";

export const containerd: Engine = {
  name: "containerd",
  record: "containerd",
  tellsRegistry: "in each request",
  reload: "systemctl restart containerd",
  async plan(tree, { mirror, registries }) {
    const { text, directory, notes } = addConfigPath(configFile, await tree.read(configFile));
    const files: PlannedFile[] = text === undefined ? [] : [{ path: configFile, text }];
    for (const registry of registries) {
      const path = await hostsFile(tree, directory, registry);
      files.push({ path, text: addHost(path, await tree.read(path), { mirror, registry }) });
    }
    return { files, notes };
  },
};

/** Where containerd looks for a registry's hosts. Throws where a file of ours would end what holds for it now. */
async function hostsFile(tree: Tree, directory: string, { host }: Registry): Promise<string> {
  // containerd prefers this spelling of a port.
  const spelled = host.replace(/:(\d+)$/, "_$1_");
  const folder = `${directory}/${(await tree.list(`${directory}/${spelled}`)).length > 0 ? spelled : host}`;
  const names = await tree.list(folder);
  const file = `${folder}/hosts.toml`;
  if (names.includes("hosts.toml")) return file;
  const certificate = names.find((name) => /\.(?:crt|cert|key)$/.test(name));
  if (certificate !== undefined) {
    const why = "counts only without a hosts.toml: write one that names it, then run this again";
    throw new DragonflyError("bad-config", `${folder}/${certificate} ${why}`);
  }
  const fallback = `${directory}/_default/hosts.toml`;
  if (names.length === 0 && (await tree.read(fallback)) !== undefined) {
    const why = `would no longer hold for ${host}: copy it to ${file}, then run this again`;
    throw new DragonflyError("bad-config", `${fallback} ${why}`);
  }
  return file;
}

/** The text of a hosts.toml with the mirror before all other hosts; the same text if it is there. Throws `bad-config`. */
export function addHost(
  path: string,
  text: string | undefined,
  { mirror, registry }: { readonly mirror: Mirror; readonly registry: Registry },
): string {
  const table = [`[host."${mirror.url}"]`, '  capabilities = ["pull", "resolve"]'];
  if (text === undefined) return append("", [ownComment, `server = "${upstreamOf(registry)}"`, "", ...table]);
  const statements = scanToml(path, text);
  const hosts = statements.filter((one) => one.kind !== "entry" && one.path[0] === "host");
  const inline = statements.find((one) => one.kind === "entry" && one.path[0] === "host" && one.table.length < 2);
  if (inline !== undefined || hosts.some((one) => one.kind === "array" || one.path.length < 2)) {
    throw new DragonflyError("bad-config", `${path}: hosts are understood only as tables [host."URL"]: write them so`);
  }
  const place = hosts.findIndex((one) => samePath(one.path.slice(1), [mirror.url]));
  if (place === 0) {
    refuseLess(path, statements, mirror);
    return text;
  }
  if (place > 0) {
    const why = "is among the hosts, but not the first: move it to the front, or remove it";
    throw new DragonflyError("bad-config", `${path}: ${mirror.url} ${why}`);
  }
  const [first] = hosts;
  return first === undefined ? append(text, table) : insertAt(text, aboveComment(text, first), [...table, ""]);
}

/** The user's own table of our mirror must let it do what it is for. */
function refuseLess(path: string, statements: ReturnType<typeof scanToml>, mirror: Mirror): void {
  const given = statements.find((one) => samePath(one.path, ["host", mirror.url, "capabilities"]));
  const words = given?.value.match(/"[^"]*"|'[^']*'/g)?.map(tomlString) ?? ["pull", "resolve"];
  if (words.includes("pull") && words.includes("resolve")) return;
  const why = 'may not do enough: its capabilities must have "pull" and "resolve"';
  throw new DragonflyError("bad-config", `${path}: ${mirror.url} ${why}`);
}

/** Where containerd goes when the mirror does not answer. */
function upstreamOf({ host, tls }: Registry): string {
  return `${tls ? "https" : "http"}://${host === "docker.io" ? "registry-1.docker.io" : host}`;
}
