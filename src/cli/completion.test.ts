import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, test } from "node:test";
import { commands } from "./commands.ts";
import { main } from "./main.ts";

const folder = mkdtempSync(join(tmpdir(), "completion-"));
after(() => rmSync(folder, { recursive: true }));
const without = (program: string): string | false =>
  spawnSync(program, ["-c", "exit"]).error === undefined ? false : `${program} is not installed`;

async function printed(...args: readonly string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdout, stderr, env: { HOME: folder }, signals: new EventEmitter(), leave: () => {}, program: "/none" };
  assert.equal(await main({ program: "dragonfly" }, args, io), 0);
  return String(stdout.read());
}

/** Its lines, in a file of its own. */
async function scriptOf(shell: string): Promise<string> {
  const path = join(folder, `dragonfly.${shell}`);
  writeFileSync(path, await printed("completion", shell));
  return path;
}

test("bash completes commands, flags and values, also of dfget", { skip: without("bash") }, async () => {
  const path = await scriptOf("bash");
  const offered = (...words: readonly string[]): string => {
    const code = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dragonfly "$1"; echo "\${COMPREPLY[*]}"`;
    return execFileSync("bash", ["-c", code, "bash", path, ...words], { encoding: "utf8" }).trim();
  };
  const names = commands.map(({ name }) => name).join(" ");
  assert.equal(offered("dragonfly", ""), `${names} help --help --version`);
  assert.equal(offered("dragonfly", "help", "ex"), "explain");
  assert.equal(offered("dragonfly", "is"), "isolate");
  assert.equal(offered("dragonfly", "tasks", "--js"), "--json");
  assert.equal(offered("dragonfly", "daemon", "--log-level", "d"), "debug");
  assert.equal(offered("dfdaemon", "--give-way", ""), "on off");
  assert.equal(offered("/usr/bin/dfget", "--over"), "--overwrite");
  assert.equal(offered("dfget", "-o", "--over"), "");
  assert.equal(offered("dragonfly", "completion", "f"), "fish");
});

/** What an interactive zsh makes of each line and the Tab key. */
const typing = `
folder=$1 script=$2; shift 2
zmodload zsh/zpty
mkfifo $folder/typed
exec 3<>$folder/typed
zpty shell TERM=dumb zsh -f -i
zpty -w shell "autoload -U compinit; compinit -u -d $folder/zcompdump; source $script"
zpty -w shell "tell() { print -r -- \\$BUFFER >$folder/typed; BUFFER= }; zle -N tell; zle -N zle-line-init tell; bindkey '^X' tell"
read -r ready <&3
for line; do
  zpty -w -n shell "$line"$'\\t\\x18'
  read -r typed <&3
  print -r -- $typed
done
zpty -d shell
`;

test("zsh completes commands, flags and values, of all three programs", { skip: without("zsh") }, async () => {
  const path = await scriptOf("zsh");
  const completed = {
    "dragonfly iso": "dragonfly isolate",
    "dragonfly tasks --js": "dragonfly tasks --json",
    "dragonfly daemon --give-way of": "dragonfly daemon --give-way off",
    "dragonfly completion f": "dragonfly completion fish",
    "dfdaemon --log-level deb": "dfdaemon --log-level debug",
    "dfget --overw": "dfget --overwrite",
  };
  const args = ["-f", "-c", typing, "zsh", folder, path, ...Object.keys(completed)];
  const out = execFileSync("zsh", args, { encoding: "utf8", timeout: 60_000 });
  assert.deepEqual(out.trimEnd().split("\n"), Object.values(completed));
});

test("fish completes commands, flags and values", { skip: without("fish") }, async () => {
  const path = await scriptOf("fish");
  const offered = (line: string): readonly string[] => {
    const env = { ...process.env, HOME: folder };
    const args = ["--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', path, line];
    const out = execFileSync("fish", args, { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] });
    return out
      .trim()
      .split("\n")
      .map((one) => one.split("\t")[0] ?? "");
  };
  assert.deepEqual(offered("dragonfly iso"), ["isolate"]);
  assert.deepEqual(offered("dragonfly daemon --give-way o"), ["off", "on"]);
  assert.deepEqual(offered("dfget --overw"), ["--overwrite"]);
  assert.deepEqual(offered("dfdaemon --log-level de"), ["debug"]);
  assert.deepEqual(offered("dragonfly completion f"), ["fish"]);
  assert.deepEqual(offered("dragonfly tasks --js"), ["--json"]);
});

test("a shell that is not known is refused", async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdout, stderr, env: { HOME: folder }, signals: new EventEmitter(), leave: () => {}, program: "/none" };
  assert.equal(await main({ program: "dragonfly" }, ["completion", "tcsh"], io), 2);
  assert.equal(String(stderr.read()), "dragonfly completion: say for which shell: bash, zsh, fish\n");
});

test("the manual page has every command and passes mandoc's eye", async (context) => {
  const page = await printed("man");
  for (const { name } of commands) assert.match(page, new RegExp(`^\\.SS dragonfly ${name}`, "m"));
  assert.match(page, /^\.B \\-\\-give\\-way on\|off$/m);
  assert.doesNotMatch(page, /undefined|[^\n]\n\n/);
  if (spawnSync("mandoc", ["-h"]).error !== undefined) return context.skip("mandoc is not installed");
  const { stdout } = spawnSync("mandoc", ["-Tlint", "-Wwarning"], { input: page, encoding: "utf8" });
  // The page tells the version instead, so that a build is the same on every day.
  const faults = stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date"));
  assert.deepEqual(faults, []);
});
