// What the layout of the source promises: which folder may know which, no circles, names that say something.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { test } from "node:test";
import { packageRoot } from "./runtime/package-root.ts";

/** A folder may use what stands before it in its own line, besides itself. Who is missing here has no place in the order yet. */
const base = ["core", "wire", "runtime"];
const shell = [...base, "store", "net", "origin"];
const mayUse: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ["core"],
  runtime: ["core"],
  store: base,
  net: base,
  origin: [...base, "net"],
  image: shell,
  proxy: [...shell, "image"],
  supernode: [...shell, "image"],
  daemon: [...shell, "image", "proxy"],
  local: base,
  engine: ["core", "runtime"],
  doctor: [...shell, "daemon", "local"],
  library: [...base, "local", "supernode", "daemon"],
  sim: base,
  quickstart: ["core", "runtime"],
  cli: [...shell, "image", "proxy", "supernode", "daemon", "local", "engine", "doctor", "sim", "quickstart"],
};
/** Single files beyond that. */
const exceptions = ["sim -> store/memory-store.ts", "sim -> store/store.ts"];
/** Only tests see these. */
const testFolders = ["testing", "e2e"];
/** Where the process's environment is read; everyone else is given what it needs. */
const environmentDoors = ["runtime/config.ts", "runtime/environment.ts", "cli/io.ts", "quickstart/program.ts"];

interface Import {
  readonly target: string;
  /** Gone when the program runs, or not loaded with its importer. */
  readonly light: boolean;
}

interface Source {
  /** Below src/. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly isTest: boolean;
}

const root = join(packageRoot(), "src");
const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.startsWith("console/"))
  .map(readSource);

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const folder = path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
  const statements = text.matchAll(/^(?:import|export)\b(?<type> type\b)?(?:[^;"']*?\bfrom)? "(?<name>[^"]+)"/gm);
  const dynamic = text.matchAll(/\bimport\("(?<name>[^"]+)"\)/g);
  const imports = [
    ...[...statements].map(({ groups }) => ({ name: groups?.name ?? "", light: groups?.type !== undefined })),
    ...[...dynamic].map(({ groups }) => ({ name: groups?.name ?? "", light: true })),
  ].map(({ name, light }) => ({ target: name.startsWith(".") ? normalize(join(path, "..", name)) : name, light }));
  return { path, folder, text, imports, isTest: path.endsWith(".test.ts") || testFolders.includes(folder) };
}

const folderOf = (target: string): string => target.split("/")[0] ?? "";
const isOwn = (target: string): boolean => target.endsWith(".ts");

test("each folder uses only what is before it in the order", () => {
  const wrong: string[] = [];
  for (const { path, folder, imports, isTest } of sources) {
    if (folder === "" || isTest) continue;
    const allowed = mayUse[folder];
    if (allowed === undefined) wrong.push(`${path}: the folder has no place in the order`);
    for (const { target } of imports) {
      const to = folderOf(target);
      if (!isOwn(target) || to === folder || exceptions.includes(`${folder} -> ${target}`)) continue;
      if (allowed?.includes(to) !== true) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("nothing that runs in production imports what is for tests", () => {
  const wrong = sources
    .filter(({ isTest }) => !isTest)
    .filter(({ imports }) => imports.some(({ target }) => testFolders.includes(folderOf(target))));
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("the core uses nothing but itself, and wire/ no socket and no disk", () => {
  const outside = (folder: string, allowed: RegExp): readonly string[] =>
    sources
      .filter((source) => source.folder === folder && !source.isTest)
      .flatMap(({ path, imports }) => imports.map(({ target }) => `${path} imports ${target}`))
      .filter((line) => !allowed.test(line));
  assert.deepEqual(outside("core", /\.ts$/), []);
  assert.deepEqual(outside("wire", /\.ts$| (?:zod|node:crypto)$/), []);
});

test("no file imports itself in the end", () => {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports.filter(({ light }) => !light)]));
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      circles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const { target } of graph.get(path) ?? []) if (isOwn(target)) visit(target, [...way, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

test("a file is named in kebab-case after what it holds, one folder deep", () => {
  const empty = /(?:^|[-/])(?:utils?|helpers?|managers?|common|misc|impl)(?:[-.]|$)/;
  const wrong = sources
    .map(({ path }) => path)
    .filter((path) => empty.test(path) || !/^(?:[a-z0-9]+\/)?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.ts$/.test(path));
  assert.deepEqual(wrong, []);
});

test("a file opens by saying what it is for", () => {
  const silent = sources.filter(({ path, text }) => !path.endsWith(".test.ts") && !text.startsWith("// "));
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  );
});

test("the environment has one door", () => {
  const readers = sources
    .filter(({ isTest, text }) => !isTest && /\bprocess\.env\b/.test(text))
    .map(({ path }) => path)
    .filter((path) => !environmentDoors.includes(path));
  assert.deepEqual(readers, []);
});

test("the console uses of this program only what runs in a browser", () => {
  const files = readdirSync(join(root, "console")).filter((name) => /\.tsx?$/.test(name));
  const imports = files.flatMap((name) => {
    const text = readFileSync(join(root, "console", name), "utf8");
    return [...text.matchAll(/from "\.\.\/(?<target>[^"]+)"/g)].map(({ groups }) => groups?.target ?? "");
  });
  const allowed = /^(?:core\/.*|wire\/(?:live|event-text)|runtime\/units)\.ts$/;
  assert.deepEqual(
    imports.filter((target) => !allowed.test(target)),
    [],
  );
  assert.ok(imports.length > 0);
});
