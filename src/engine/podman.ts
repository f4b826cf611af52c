// podman, skopeo, buildah and CRI-O: a mirror belongs to a [[registry]] table of registries.conf or of a drop-in beside it.
//
// These engines ask a mirror for /v2/<repository> and never say which registry they mean. So the mirror's location says it, in a path that
// comes before the repository; without one it stands for the registry that the daemon mirrors by default, and for no other.

import { DragonflyError } from "../core/error.ts";
import type { Engine, Mirror, Plan, PlannedFile, Registry, Tree, Wish } from "./engine.ts";
import { append, insertAt, ownComment } from "./text-edit.ts";
import { aboveComment, beginsWith, samePath, scanToml, type TomlStatement, tomlString } from "./toml.ts";

const mainFile = "/etc/containers/registries.conf";
const dropIns = `${mainFile}.d`;
const ownFile = `${dropIns}/50-dragonfly.conf`;

const shared = { record: "containers", tellsRegistry: "in the mirror's path", plan } as const;

export const podman: Engine = { ...shared, name: "podman" };

export const crio: Engine = { ...shared, name: "crio", reload: "systemctl reload crio" };

async function plan(tree: Tree, { mirror, registries }: Wish): Promise<Plan> {
  if (registries.filter(({ byName }) => byName !== true).length > 1) {
    const why =
      "podman and CRI-O do not tell a mirror which registry they mean: name one, and others that the daemon is configured for";
    throw new DragonflyError("bad-usage", why);
  }
  const files = [...(await readAll(tree))];
  const edited = new Set<string>();
  const notes: string[] = [];
  for (const registry of registries) {
    // Of several tables for one prefix the last file's counts.
    const present = files.findLast(({ path, text }) => tablesFor(scanRegistries(path, text), registry.host).length > 0);
    if (present === undefined) refuseUnderWildcard(files, registry.host);
    const target = present ?? files.find(({ path }) => path === ownFile);
    const path = target?.path ?? ownFile;
    const text = addRegistryMirror(path, target?.text, { mirror, registry });
    files.splice(target === undefined ? files.length : files.indexOf(target), 1, { path, text });
    edited.add(path);
    notes.push(...notesOn(present, registry));
  }
  return { files: files.filter(({ path }) => edited.has(path)), notes };
}

/** A table for *.example.com holds for what has none of its own. */
function refuseUnderWildcard(files: readonly PlannedFile[], host: string): void {
  for (const { path, text } of files) {
    const prefixes = scanRegistries(path, text)
      .filter((one) => one.kind === "entry" && samePath(one.path, ["registry", "prefix"]))
      .map(({ value }) => tomlString(value) ?? "");
    const holding = prefixes.find((prefix) => prefix.startsWith("*.") && host.endsWith(prefix.slice(1)));
    if (holding !== undefined) {
      throw refusal(path, `its table for ${holding} would no longer hold for ${host}: write one for ${host} first`);
    }
  }
}

function notesOn(present: PlannedFile | undefined, { host, byName }: Registry): readonly string[] {
  const [table] = present === undefined ? [] : tablesFor(scanRegistries(present.path, present.text), host);
  const location = table === undefined ? undefined : locationOf(entriesOf(table));
  if (location === undefined || location === "" || location === host) {
    if (byName === true) return [];
    return [`the mirror is asked without the name of a registry: the daemon's default registry must be ${host}`];
  }
  return [
    `${host} is taken from ${location} here, and the mirror comes before that: the daemon's registry must be the same`,
  ];
}

/** In the order in which the engines read them. */
async function readAll(tree: Tree): Promise<readonly PlannedFile[]> {
  const names = (await tree.list(dropIns)).filter((name) => name.endsWith(".conf"));
  const files: PlannedFile[] = [];
  for (const path of [mainFile, ...names.map((name) => `${dropIns}/${name}`)]) {
    const text = await tree.read(path);
    if (text !== undefined) files.push({ path, text });
  }
  return files;
}

/** The text with the mirror before all others of the registry; the same text if it is there. Throws `bad-config`. */
export function addRegistryMirror(
  path: string,
  text: string | undefined,
  { mirror, registry }: { readonly mirror: Mirror; readonly registry: Registry },
): string {
  const statements = scanRegistries(path, text ?? "");
  const location = registry.byName === true ? `${mirror.authority}/${registry.host}` : mirror.authority;
  const lines = ["[[registry.mirror]]", `location = "${location}"`, ...(mirror.tls ? [] : ["insecure = true"])];
  const [table, second] = tablesFor(statements, registry.host);
  if (table === undefined) {
    const head = text === undefined ? [ownComment] : [];
    return append(text ?? "", [...head, ...registryLines(registry), "", ...lines]);
  }
  if (second !== undefined) throw refusal(path, `several [[registry]] tables for ${registry.host}: leave one`);

  const mirrors = table.filter((one) => samePath(one.path, ["registry", "mirror"]));
  if (mirrors.some((one) => one.kind !== "array")) {
    throw refusal(path, "mirrors are understood only as tables [[registry.mirror]]: write them so");
  }
  const place = mirrors.findIndex((one) => locationOf(entriesAfter(table, one)) === location);
  if (place === 0) return text ?? "";
  if (place > 0) {
    throw refusal(path, `${location} is among the mirrors, but not the first: move it to the front, or remove it`);
  }
  const [first] = mirrors;
  const last = lastOwn(table);
  return first === undefined
    ? insertAt(text ?? "", last.end, ["", ...lines])
    : insertAt(text ?? "", aboveComment(text ?? "", first), [...lines, ""]);
}

/** Throws for what would keep a [[registry]] table from being added or found. */
function scanRegistries(path: string, text: string): readonly TomlStatement[] {
  const statements = scanToml(path, text);
  if (statements.some((one) => one.path[0] === "registries")) {
    throw refusal(path, "it is of version 1, which knows no mirrors: write it with [[registry]] tables first");
  }
  if (statements.some((one) => samePath(one.path, ["registry"]) && one.kind !== "array")) {
    throw refusal(path, "registries are understood only as tables [[registry]]: write them so");
  }
  return statements;
}

/** The [[registry]] tables for a prefix, each with all that belongs to it. */
function tablesFor(statements: readonly TomlStatement[], host: string): readonly (readonly TomlStatement[])[] {
  return statements
    .map((one, at) => (samePath(one.path, ["registry"]) ? tableAt(statements, at) : []))
    .filter((table) => prefixOf(table) === host);
}

function tableAt(statements: readonly TomlStatement[], at: number): readonly TomlStatement[] {
  const rest = statements.slice(at + 1);
  const end = rest.findIndex((one) => samePath(one.path, ["registry"]) || !beginsWith(one.path, ["registry"]));
  return statements.slice(at, end < 0 ? undefined : at + 1 + end);
}

function prefixOf(table: readonly TomlStatement[]): string | undefined {
  const own = entriesOf(table);
  const prefix = own.find((one) => samePath(one.path, ["registry", "prefix"]));
  const value = prefix === undefined ? undefined : tomlString(prefix.value);
  return value === undefined || value === "" ? locationOf(own) : value;
}

/** A registry's own, without those of its mirrors. */
function entriesOf(table: readonly TomlStatement[]): readonly TomlStatement[] {
  return table.filter((one) => one.kind === "entry" && samePath(one.table, ["registry"]));
}

function locationOf(entries: readonly TomlStatement[]): string | undefined {
  const location = entries.find((one) => one.path.at(-1) === "location");
  return location === undefined ? undefined : tomlString(location.value);
}

function entriesAfter(table: readonly TomlStatement[], header: TomlStatement): readonly TomlStatement[] {
  const rest = table.slice(table.indexOf(header) + 1);
  const end = rest.findIndex((one) => one.kind !== "entry");
  return rest.slice(0, end < 0 ? undefined : end);
}

/** The last statement before any table inside of the registry's. */
function lastOwn(table: readonly TomlStatement[]): TomlStatement {
  const [header] = table;
  if (header === undefined) throw new DragonflyError("internal", "a table without a header");
  return entriesAfter(table, header).at(-1) ?? header;
}

function registryLines({ host, tls }: Registry): readonly string[] {
  return ["[[registry]]", `prefix = "${host}"`, `location = "${host}"`, ...(tls ? [] : ["insecure = true"])];
}

function refusal(path: string, why: string): DragonflyError {
  return new DragonflyError("bad-config", `${path}: ${why}`);
}
