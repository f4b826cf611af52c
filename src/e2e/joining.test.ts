// From nothing to a cluster over TLS by the built programs, as the README has it, and what becomes of tokens and certificates.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { succeeded } from "../testing/outcome.ts";
import { Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(8_000_000);
let folder: string;
let origin: TestOrigin;
let supernode: Program;
let dataDir: readonly string[];
const daemons: Program[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "joining-"));
  dataDir = ["--data-dir", at("supernode")];
  origin = await TestOrigin.start({ content });
  supernode = start("supernode", "--listen", "0.0.0.0:0", "--fetch-rule", "allow 127.0.0.0/8", ...dataDir);
  await supernode.said("stdout", /^supernode ready on https:\/\/0\.0\.0\.0:\d+\n/);
});
after(async () => {
  for (const daemon of daemons) await daemon.kill("SIGTERM");
  await supernode.kill("SIGTERM");
  await origin.close();
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

function start(command: string, ...args: readonly string[]): Program {
  return new Program("dragonfly", [command, ...args], { cwd: folder, killAfterMs: 600_000 });
}

async function run(command: string, ...args: readonly string[]): Promise<string> {
  const outcome = await start(command, ...args).ended;
  succeeded(outcome);
  return String(outcome.stdout);
}

async function startDaemon(name: string, ...flags: readonly string[]): Promise<Program> {
  const own = ["--proxy", "off", "--socket", at(`${name}.sock`), "--data-dir", at(name), "--listen", "0.0.0.0:0"];
  const daemon = start("daemon", ...own, ...flags);
  daemons.push(daemon);
  await daemon.said("stdout", /^daemon ready: pieces https:\/\//);
  await daemon.said("stderr", /joined supernode/);
  return daemon;
}

test("a supernode, a token, three daemons: they exchange over TLS, and no file was edited", async () => {
  const token = (await run("token", "create", ...dataDir)).trim();
  assert.match(token, /^dragonfly1_[\w-]+$/);
  const hosts = ["ann", "bob", "cai"];
  await Promise.all(hosts.map((name) => startDaemon(name, "--token", token)));
  const gets = hosts.map((name) => {
    const args = [origin.url("/f.bin"), "-o", at(`${name}.bin`), "--socket", at(`${name}.sock`)];
    return new Program("dfget", args, { cwd: folder, killAfterMs: 100_000 }).ended;
  });
  for (const outcome of await Promise.all(gets)) succeeded(outcome);
  for (const name of hosts) assert.deepEqual(await readFile(at(`${name}.bin`)), Buffer.from(content));
  assert.equal(origin.sentBytes, content.length);
  assert.equal((await stat(at("ann/identity.json"))).mode & 0o777, 0o600);
  const reader = (await run("token", "create", "--role", "read", ...dataDir)).trim();
  const { hosts: known } = JSON.parse(await run("hosts", "--json", "--token", reader));
  assert.equal(known.length, 3);
  const { tokens } = JSON.parse(await run("token", "list", "--json", ...dataDir));
  assert.deepEqual(
    tokens.map(({ role, hosts }: { role: string; hosts: string[] }) => [role, hosts.length]),
    [
      ["join", 3],
      ["read", 0],
    ],
  );
});

test("a host comes back with its certificate and no token; revoked it is cut off and does not come back", async () => {
  const token = (await run("token", "create", "--uses", "1", ...dataDir)).trim();
  const first = await startDaemon("dee", "--token", token);
  await first.kill("SIGTERM");
  const second = await startDaemon("dee");
  const { tokens } = JSON.parse(await run("token", "list", "--json", ...dataDir));
  const [host] = tokens.at(-1).hosts;
  assert.equal((await run("token", "revoke", host.slice(0, 12), ...dataDir)).trim(), host);
  await second.said("stderr", /lost supernode(?:.|\n)*supernode unreachable.*401/);
});
