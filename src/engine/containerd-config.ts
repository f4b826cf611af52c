// containerd's config.toml: that its CRI plugin looks for registries' hosts in certs.d.

import { DragonflyError } from "../core/error.ts";
import { append, insertAt } from "./text-edit.ts";
import { beginsWith, samePath, scanToml, type TomlStatement, tomlString } from "./toml.ts";

const usual = "/etc/containerd/certs.d";

/** Where the setting is, by the version of the file. */
const registryTables: Readonly<Record<string, readonly string[]>> = {
  2: ["plugins", "io.containerd.grpc.v1.cri", "registry"],
  3: ["plugins", "io.containerd.cri.v1.images", "registry"],
};

export interface ConfigPath {
  /** Of config.toml; undefined leaves it as it is, or missing. */
  readonly text?: string;
  /** The first that containerd looks in. */
  readonly directory: string;
  readonly notes: readonly string[];
}

/** Adds `config_path` where there is none, and respects the one that there is. Throws `bad-config`. */
export function addConfigPath(path: string, text: string | undefined): ConfigPath {
  const statements = text === undefined ? [] : scanToml(path, text);
  if (statements.length === 0) {
    const lines = ["version = 2", "", ...tableLines(registryTables[2] ?? [])];
    return { text: append(text ?? "", lines), directory: usual, notes: [] };
  }
  if (isDisabled(statements)) {
    const note = `the CRI plugin is disabled in ${path}, which is left as it is: only clients that read ${usual} by themselves use the mirror`;
    return { directory: usual, notes: [note] };
  }
  const registry = tableFor(path, statements);
  refuseOldTables(path, statements, registry);
  const given = statements.find((one) => one.kind === "entry" && samePath(one.path, [...registry, "config_path"]));
  if (given === undefined) {
    return {
      text: addSetting(path, text ?? "", { statements, registry }),
      directory: usual,
      notes: imports(statements),
    };
  }
  const value = tomlString(given.value);
  if (value === undefined) throw refusal(path, "config_path is not a plain string: write it as one");
  if (value === "") return { text: replaceValue(text ?? "", given), directory: usual, notes: imports(statements) };
  const [directory = usual, second] = value.split(":");
  if (!directory.startsWith("/")) throw refusal(path, "config_path is not an absolute path: make it one");
  const several =
    "config_path names several directories, with which containerd 2.2.0 passes over mirrors: name one if pulls do not come through";
  return { directory: directory.replace(/\/+$/, ""), notes: second === undefined ? [] : [several] };
}

function isDisabled(statements: readonly TomlStatement[]): boolean {
  const list = statements.find((one) => one.kind === "entry" && samePath(one.path, ["disabled_plugins"]));
  const names = list?.value.match(/"[^"\n]*"|'[^'\n]*'/g)?.map(tomlString) ?? [];
  return ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"].some((name) => names.includes(name));
}

function tableFor(path: string, statements: readonly TomlStatement[]): readonly string[] {
  const version = statements.find((one) => one.kind === "entry" && samePath(one.path, ["version"]))?.value ?? "1";
  const table = registryTables[version];
  if (table !== undefined) return table;
  throw refusal(
    path,
    `version ${version} of the file is not known, only 2 and 3: containerd config migrate writes one`,
  );
}

/** containerd does not start with both ways of configuring registries. */
function refuseOldTables(path: string, statements: readonly TomlStatement[], registry: readonly string[]): void {
  const old = statements.find(
    (one) =>
      beginsWith(one.path, [...registry, "mirrors"]) && (one.path.length > registry.length + 1 || one.kind === "entry"),
  );
  if (old !== undefined) {
    throw refusal(
      path,
      `registry.mirrors and certs.d exclude each other: move ${old.path.at(4) ?? "them"} to ${usual} first`,
    );
  }
  const tls = statements.find((one) => beginsWith(one.path, [...registry, "configs"]) && one.path.includes("tls"));
  if (tls === undefined) return;
  throw refusal(path, `registry.configs with tls and certs.d exclude each other: move it to ${usual} first`);
}

interface Place {
  readonly statements: readonly TomlStatement[];
  readonly registry: readonly string[];
}

function addSetting(path: string, text: string, { statements, registry }: Place): string {
  const hidden = statements.find((one) =>
    one.kind === "array"
      ? beginsWith(registry, one.path)
      : one.kind === "entry" && one.table.length < registry.length && isOnWay(one.path, registry),
  );
  if (hidden !== undefined) {
    throw refusal(
      path,
      `${hidden.path.join(".")} is understood only as a table of its own: write [${named(registry)}]`,
    );
  }
  const header = statements.find((one) => one.kind === "table" && samePath(one.path, registry));
  if (header === undefined) return append(text, tableLines(registry));
  const next = statements[statements.indexOf(header) + 1];
  const sibling = next?.kind === "entry" ? next : undefined;
  const indent = /^[ \t]*/.exec(text.slice(sibling?.start ?? header.start))?.[0] ?? "";
  return insertAt(text, header.end, [`${indent}${sibling === undefined ? "  " : ""}config_path = "${usual}"`]);
}

/** Whether an entry defines the table by an inline table or a dotted key, where no header may define it again. */
function isOnWay(entry: readonly string[], registry: readonly string[]): boolean {
  return beginsWith(registry, entry) || beginsWith(entry, registry);
}

function replaceValue(text: string, { valueStart, value }: TomlStatement): string {
  return `${text.slice(0, valueStart)}"${usual}"${text.slice(valueStart + value.length)}`;
}

function imports(statements: readonly TomlStatement[]): readonly string[] {
  const list = statements.find((one) => one.kind === "entry" && samePath(one.path, ["imports"]));
  const note = "config.toml imports other files, which were not looked at: none of them may set registry.mirrors";
  return list === undefined || /^\[\s*\]$/.test(list.value) ? [] : [note];
}

function tableLines(registry: readonly string[]): readonly string[] {
  return [`[${named(registry)}]`, `  config_path = "${usual}"`];
}

function named(registry: readonly string[]): string {
  return registry.map((part) => (part.includes(".") ? `"${part}"` : part)).join(".");
}

function refusal(path: string, why: string): DragonflyError {
  return new DragonflyError("bad-config", `${path}: ${why}`);
}
