// Every shell command in the pages says whether a test runs it; those of our own programs are ones that the programs understand.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseCommandLine } from "./cli/command-line.ts";
import { commands } from "./cli/commands.ts";
import { packageRoot } from "./runtime/package-root.ts";

const root = packageRoot();
const pages = [
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
  ...["README.md", "CONTRIBUTING.md"],
].filter((path) => path.endsWith(".md"));

interface Block {
  /** Page and line. */
  readonly at: string;
  /** The comment before it. */
  readonly mark: string;
  readonly lines: readonly string[];
}

const blocks = pages.flatMap(blocksOf);

/** The shell commands of a page: of `sh` blocks each line, of `console` blocks what follows a `$`. */
function blocksOf(path: string): readonly Block[] {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  const found: Block[] = [];
  for (const [nth, line] of lines.entries()) {
    const kind = /^\s*```(sh|bash|console)$/.exec(line)?.[1];
    if (kind === undefined) continue;
    const end = lines.findIndex((one, at) => at > nth && /^\s*```$/.test(one));
    const body = lines.slice(nth + 1, end);
    const shown = kind === "console" ? body.filter((one) => one.startsWith("$ ")).map((one) => one.slice(2)) : body;
    const mark = lines.slice(Math.max(0, nth - 2), nth).find((one) => one.startsWith("<!-- ")) ?? "";
    found.push({ at: `${path}:${nth + 1}`, mark, lines: shown });
  }
  return found;
}

test("every block of shell commands names the test that runs it, or says why none does", () => {
  const unmarked = blocks.filter(({ mark }) => !/^<!-- (?:run by: \S+|not run: .+) -->$/.test(mark));
  assert.deepEqual(
    unmarked.map(({ at }) => at),
    [],
  );
  for (const { at, mark } of blocks) {
    const path = /^<!-- run by: (\S+) -->$/.exec(mark)?.[1];
    if (path !== undefined) assert.ok(existsSync(join(root, path)), `${at}: there is no ${path}`);
  }
});

/** Words of a simple command line, without comments, assignments before it, and redirections. */
function wordsOf(line: string): readonly string[] {
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(#.*$)|(\S+)/g)]
    .filter(([, , , comment]) => comment === undefined)
    .map(([, single, double, , bare]) => single ?? double ?? bare ?? "");
  const first = words.findIndex((word) => !/^(?:\w+=.*|sudo)$/.test(word));
  const rest = words.slice(Math.max(0, first));
  const end = rest.findIndex((word) => /^(?:\d?[<>]|[|&;])/.test(word));
  return end === -1 ? rest : rest.slice(0, end);
}

test("our own commands in the pages are ones that the programs take", async () => {
  const names = { dfget: "get", dfdaemon: "daemon" } as const;
  let checked = 0;
  for (const { at, lines } of blocks) {
    for (const line of lines) {
      const [program = "", ...rest] = wordsOf(line);
      if (!["dragonfly", "dfget", "dfdaemon"].includes(program)) continue;
      const name = program === "dragonfly" ? rest[0] : names[program as keyof typeof names];
      const entry = commands.find((one) => one.name === name);
      assert.ok(entry !== undefined, `${at}: there is no command ${name}`);
      const command = await entry.load();
      const args = program === "dragonfly" ? rest.slice(1) : rest;
      const { flags } = parseCommandLine(program, command, args);
      const known = new Set(Object.values(command.settings).map((setting) => setting.name));
      for (const flag of flags) assert.ok(known.has(flag.name), `${at}: ${program} ${name} has no --${flag.name}`);
      checked++;
    }
  }
  assert.ok(checked >= 10, `${checked}`);
});
