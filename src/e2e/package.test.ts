// The package as whoever installs it has it: the tarball in an empty folder, its programs, its types and its examples.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { packageRoot } from "../runtime/package-root.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const mostPackages = 60;
const root = packageRoot();
const run = promisify(execFile);

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dragonfly-package-"));
});
after(() => rm(folder, { recursive: true }));

test("the tarball installs in an empty folder, with few packages", async (t) => {
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
  const [tarball = ""] = await readdir(folder);
  const startedMs = performance.now();
  await run("npm", ["install", `./${tarball}`, "--no-audit", "--no-fund"], { cwd: folder });
  t.diagnostic(`npm install took ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  const { stdout } = await run("npm", ["ls", "--all", "--parseable"], { cwd: folder });
  const [, own, ...others] = stdout.trim().split("\n");
  assert.ok(own?.endsWith("/node_modules/dragonfly-p2p"), own);
  assert.ok(others.length <= mostPackages, `${others.length} packages`);
});

test("installed for everybody, it has its programs and its manual page where they are looked for", async () => {
  const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  const prefix = join(folder, "everybody");
  await mkdir(join(prefix, "lib"), { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", "--global", "--prefix", prefix, ...quiet, `./${tarball}`], { cwd: folder });
  const { stdout: printed } = await run(join(prefix, "bin", "dragonfly"), ["man"]);
  const page = (name: string) => readFile(join(prefix, "share", "man", "man1", `${name}.1`), "utf8");
  assert.equal(await page("dragonfly"), printed);
  for (const name of ["dfget", "dfdaemon"]) {
    assert.equal(await page(name), ".so man1/dragonfly.1\n");
    const { stdout } = await run(join(prefix, "bin", name), ["--version"]);
    assert.match(stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\n$`));
  }
});

test("npx dragonfly-p2p quickstart shows a cluster at work", async () => {
  const { stdout } = await run("npx", ["--no", "dragonfly-p2p", "quickstart"], { cwd: folder });
  assert.match(stdout, /that is 1\.00 copies for 4 hosts/);
});

test("the types hold in a strict program that checks its libraries too", async () => {
  const program = `import { download, type DownloadResult, Daemon, DragonflyError, Supernode } from "dragonfly-p2p";
const supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: "/x" });
const daemon = await Daemon.start({ supernode: supernode.url, uploadLimit: "20MB/s", quota: 50e9 });
const result: DownloadResult = await download("http://h/f", { daemon, output: "/x", signal: AbortSignal.timeout(1) });
const { stream } = await download("http://h/f", { daemon, as: "stream" });
for await (const chunk of stream) console.log(result.from.peers, chunk, DragonflyError);
// @ts-expect-error: no such option
await Daemon.start({ uplaodLimit: 1 });
`;
  await writeFile(join(folder, "program.ts"), program);
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--skipLibCheck", "false"];
  const target = ["--module", "nodenext", "--target", "es2023", "--types", "node"];
  const types = ["--typeRoots", join(root, "node_modules", "@types")];
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  await run(join(root, "node_modules", ".bin", "tsc"), [...strict, ...target, ...types, "program.ts"], { cwd: folder });
});

test("the examples run as installed", async () => {
  const origin = await TestOrigin.start({ content: testContent(3_000_001) });
  try {
    const example = join("node_modules", "dragonfly-p2p", "examples", "in-one-process.js");
    const { stdout } = await run(process.execPath, [example, origin.url()], { cwd: folder });
    assert.equal(stdout.match(/bytes: 3000001/g)?.length, 2);
  } finally {
    await origin.close();
  }
});
