// Each program of examples/, as it stands there, against a supernode, a daemon and an origin.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { packageRoot } from "../runtime/package-root.ts";
import { sha256, sha256OfFile } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const folder = mkdtempSync(join(tmpdir(), "dragonfly-examples-"));
const content = testContent(3_000_001);
let origin: TestOrigin;
let swarm: ProcessSwarm;
before(async () => {
  [origin, swarm] = await Promise.all([TestOrigin.start({ content }), ProcessSwarm.start()]);
});
after(async () => {
  await Promise.all([swarm?.close(), origin?.close()]);
  rmSync(folder, { recursive: true });
});

const tested: string[] = [];
function example(name: string, does: string, work: (path: string) => Promise<void>): void {
  tested.push(name);
  test(`${name} ${does}`, () => work(join(packageRoot(), "examples", name)));
}

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, DRAGONFLY_SOCKET: swarm.first.socket });

function run(path: string, ...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return promisify(execFile)(process.execPath, [path, ...args], { cwd: folder, env: environment(), timeout: 30_000 });
}

/** One that runs until it is told to end: the first line that matches, what it does meanwhile, and how it ends. */
async function serving(
  command: readonly [path: string, ...args: readonly string[]],
  says: RegExp,
  meanwhile: (found: string) => Promise<void>,
): Promise<number | null> {
  const child = spawn(process.execPath, command, {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const found = says.exec(line)?.[1];
      if (found === undefined) continue;
      await meanwhile(found);
      child.kill("SIGTERM");
    }
  } finally {
    // Not twice: while a process ends, after its output has, a second signal kills it.
    if (!child.killed) child.kill("SIGTERM");
    await ended;
  }
  return child.exitCode;
}

example("in-one-process.js", "brings two copies", async (path) => {
  const { stdout } = await run(path, origin.url("/one-process.bin"));
  assert.equal(stdout.match(/bytes: 3000001/g)?.length, 2);
});

example("download-to-file.js", "writes the file, and one that is stopped leaves none", async (path) => {
  const { stdout, stderr } = await run(path, origin.url("/to-file.bin"), "to-file.bin");
  assert.match(stdout, /bytes: 3000001/);
  assert.match(stderr, /3000001 of 3000001\n$/);
  assert.equal(await sha256OfFile(join(folder, "to-file.bin")), sha256(content));
  origin.answer = { content, stallAfterBytes: 1_000_000 };
  const env = environment();
  const child = spawn(process.execPath, [path, origin.url("/stopped.bin"), "stopped.bin"], { cwd: folder, env });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
    if (!child.killed && /^[1-9]\d* of /m.test(said)) child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  origin.answer = { content };
  assert.equal(code, 8);
  assert.match(said, /\ninterrupted, by the caller: [^\n]+\n$/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes("stopped")),
    [],
  );
});

example("unpack-while-it-arrives.js", "has tar read what arrives", async (path) => {
  writeFileSync(join(folder, "inside.bin"), content);
  const archive = execFileSync("tar", ["-cz", "inside.bin"], { cwd: folder, maxBuffer: 1 << 24 });
  origin.answer = { content: archive };
  const out = mkdtempSync(join(folder, "out-"));
  const { stdout } = await run(path, origin.url("/inside.tar.gz"), out);
  origin.answer = { content };
  assert.match(stdout, new RegExp(`bytes: ${archive.length},.*tar: 0`, "s"));
  assert.ok(readFileSync(join(out, "inside.bin")).equals(content));
});

example("serve-from-the-swarm.js", "gives a file, parts of it, and what the origin refuses", async (path) => {
  const at = new URL(origin.url()).origin;
  await serving([path, at, "0"], /on (http:\S+)$/, async (url) => {
    const ask = async (range?: string) => {
      const answer = await fetch(`${url}/served.bin`, range === undefined ? {} : { headers: { range } });
      return { answer, body: Buffer.from(await answer.arrayBuffer()) };
    };
    const whole = await ask();
    assert.deepEqual([whole.answer.status, whole.answer.headers.get("content-length")], [200, "3000001"]);
    assert.ok(whole.body.equals(content));
    for (const [range, from, to] of [
      ["bytes=1000-1999", 1000, 2000],
      ["bytes=2999000-", 2999000, 3000001],
    ] as const) {
      const part = await ask(range);
      assert.equal(part.answer.status, 206);
      assert.equal(part.answer.headers.get("content-range"), `bytes ${from}-${to - 1}/*`);
      assert.ok(part.body.equals(content.subarray(from, to)), range);
    }
    const beyond = await ask("bytes=9000000-9000001");
    assert.equal(beyond.answer.status, 416, String(beyond.body));
    origin.script = (_nth, { url: asked }) => (asked === "/gone.bin" ? { status: 404 } : undefined);
    const gone = await fetch(`${url}/gone.bin`);
    assert.equal(gone.status, 404);
    assert.match(await gone.text(), /^[^\n]*404[^\n]*\n$/);
  });
});

example("embed-a-daemon.js", "fetches through its own daemon and gives to others until it is ended", async (path) => {
  const url = origin.url("/embedded.bin");
  const code = await serving([path, swarm.supernodeUrl, url], /pieces from (http:\S+),/, async (piecesUrl) => {
    const answer = await fetch(`${swarm.supernodeUrl}/api/v1/hosts`);
    const { hosts } = (await answer.json()) as { readonly hosts: readonly { readonly address: string }[] };
    assert.ok(hosts.some(({ address }) => address === new URL(piecesUrl).host));
  });
  assert.equal(code, 0);
});

test("every example is tested", () => {
  assert.deepEqual([...tested].sort(), readdirSync(join(packageRoot(), "examples")).sort());
});
