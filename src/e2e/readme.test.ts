// The README's way from a clone to a swarm of three, its own commands in one shell: the file, the image and the console come out as it says.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { packageRoot } from "../runtime/package-root.ts";
import { ConsoleWindow, missingBrowser } from "../testing/console-window.ts";
import { writeImage } from "../testing/image-layout.ts";
import { pushImage, sentByDigest } from "../testing/image-rig.ts";
import { sha256, sha256OfFile } from "../testing/outcome.ts";
import { Podman } from "../testing/podman.ts";
import { Registry } from "../testing/registry.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const skip = missingBrowser || Registry.missing || Podman.missing;
const root = packageRoot();
const content = testContent(12 * 2 ** 20, 3);
let folder = "";
let origin: TestOrigin;
let registry: Registry;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dragonfly-readme-"));
  if (skip !== false) return;
  [origin, registry] = await Promise.all([TestOrigin.start({ content }), Registry.start()]);
});
after(() => Promise.all([origin?.close(), registry?.close(), rm(folder, { recursive: true })]));

/** What stands between two headings. */
async function section(heading: string): Promise<string> {
  const page = await readFile(join(root, "README.md"), "utf8");
  const [, found = ""] = page.split(`\n## ${heading}\n`);
  return found.slice(0, found.indexOf("\n## "));
}

/** The answers of another Docker Hub, a storage that is removed, and programs that are linked in here: no command has to change for these. */
async function surroundings(): Promise<NodeJS.ProcessEnv> {
  const inFolder = (name: string): string => join(folder, name);
  await Promise.all(["tmp", "prefix/lib"].map((name) => mkdir(inFolder(name), { recursive: true })));
  const places = `graphroot = "${inFolder("images")}"\nrunroot = "${inFolder("run")}"`;
  await writeFile(inFolder("storage.conf"), `[storage]\ndriver = "vfs"\n${places}\n`);
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("DRAGONFLY_"));
  return {
    ...Object.fromEntries(own),
    TMPDIR: inFolder("tmp"),
    npm_config_prefix: inFolder("prefix"),
    PATH: `${inFolder("prefix/bin")}:${process.env.PATH}`,
    DRAGONFLY_REGISTRY: registry.url(),
    CONTAINERS_STORAGE_CONF: inFolder("storage.conf"),
  };
}

test("whoever follows the README has a file, an image and the console of a swarm of three", { skip }, async () => {
  const layout = join(folder, "image");
  const image = await writeImage(layout, { layerBytes: [3e6, 2e6], architectures: ["amd64"] });
  await pushImage(layout, registry, "library/alpine:3.20");

  const told = await section("A swarm of three, step by step");
  const [programs = "", cluster = "", file = "", images = "", listing = "", end = "", ...others] = [
    ...told.matchAll(/```sh\n(.*?)```/gs),
  ].map(([, commands]) => commands);
  assert.deepEqual(others, []);
  // Whoever runs this test has installed and built.
  const [installed, built, link = ""] = programs.split("\n");
  const [, forOneself = ""] = /or, for oneself: (npm .*)$/.exec(link) ?? [];
  const alone = `(HOME=${folder}; ${forOneself}; ~/.local/bin/dfget --version)`;
  assert.deepEqual([installed, built], ["npm ci", "npm run build"]);
  const [url = "", name = ""] = /https:\S+\/(\S+)/.exec(file) ?? [];
  const script = [
    ...["set -e", link, alone, cluster, `until [ "$(dragonfly hosts 2>&1 | grep -c ' ok ')" = 3 ]; do sleep 0.2; done`],
    ...[file.replace(url, origin.url(`/${name}`)), images, listing, "echo what next", "read -r", end],
  ];
  await writeFile(join(folder, "script"), script.join("\n"));

  const shell = spawn("bash", [join(folder, "script")], { cwd: root, env: await surroundings(), detached: true });
  const ended = once(shell, "close");
  const said = Promise.all([text(shell.stdout), text(shell.stderr)]);
  const waits = new Promise<void>((resolve) => {
    shell.stdout.on("data", (chunk) => String(chunk).includes("what next") && resolve());
  });
  let window: ConsoleWindow | undefined;
  try {
    const early = await Promise.race([waits, ended]);
    assert.equal(early, undefined, `it ended early: ${await (early && said)}`);
    window = await ConsoleWindow.open(/<(http:\S+)>/.exec(told)?.[1] ?? "");
    await window.sees(".status", "Live");
    await window.sees(".figure", /Hosts connected\s*3/);
    await window.sees("tr", new RegExp(`${name}.*3 of 3 complete`, "s"));
    for (const digest of image.blobs.keys()) await window.sees("tr", `${digest.slice(0, 15)}`);
    shell.stdin.end("\n");
    const [code] = await ended;
    const [stdout, stderr] = await said;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^dfget \d/m);
    assert.equal(
      `${stdout}${stderr}`.match(/from [12] peers?, \d+% from the supernode, 0% from the origin/g)?.length,
      3,
    );
    assert.match(stdout, new RegExp(`complete +12\\.0 MiB +3 .*/${name}\n`));
    assert.equal(stdout.match(/ ok .* 127\.0\.0\.1:6501[123]\n/g)?.length, 3);
  } finally {
    await window?.close();
    if (shell.exitCode === null) process.kill(-(shell.pid ?? 0), "SIGKILL");
    await ended;
  }
  const [at = ""] = await readdir(join(folder, "tmp"));
  for (const host of ["host1", "host2", "host3"]) {
    assert.equal(await sha256OfFile(join(folder, "tmp", at, host, name)), sha256(content));
  }
  assert.equal(origin.sentBytes, content.length);
  const sent = await sentByDigest(registry);
  for (const [digest, bytes] of image.blobs) assert.equal(sent.get(digest), bytes, digest);
});
