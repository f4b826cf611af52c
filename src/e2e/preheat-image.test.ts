// Images that are fetched before anybody pulls them: from a real registry, pulled then with real clients.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { packageRoot } from "../runtime/package-root.ts";
import { checkLayout, type Image, writeImage } from "../testing/image-layout.ts";
import { Podman } from "../testing/podman.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { Registry, type RegistryRequest, skopeo } from "../testing/registry.ts";

const MIB = 2 ** 20;
const { missing: skip } = Registry;
let folder: string;
let image: Image;
let registry: Registry;
let swarm: ProcessSwarm;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "dragonfly-preheat-"));
  image = await writeImage(join(folder, "image"), {
    layerBytes: [4 * MIB, 3000, MIB],
    architectures: ["amd64", "arm64", "riscv64"],
  });
  registry = await Registry.start();
  for (const name of ["team/app:1", "team/whole:1", "team/seed:1"]) await push(registry, name);
  swarm = await startSwarm(registry);
});
after(async () => {
  if (skip) return;
  await Promise.all([swarm?.close(), registry?.close()]);
  await rm(folder, { recursive: true });
});

function startSwarm(upstream: Registry): Promise<ProcessSwarm> {
  return ProcessSwarm.start({
    hosts: 3,
    supernodeFlags: ["--freshness", "1h"],
    daemonFlags: ["--proxy", "127.0.0.1:0", "--registry", upstream.url()],
  });
}

function push(to: Registry, name: string, ...flags: readonly string[]): Promise<string> {
  const all = ["--all", "--preserve-digests", "--dest-tls-verify=false", ...flags];
  return skopeo("copy", ...all, `oci:${join(folder, "image")}:1`, `docker://${to.host}/${name}`);
}

/** Resolves to where the image was written. */
async function pull(mirror: string, name: string, ...flags: readonly string[]): Promise<string> {
  const target = await mkdtemp(join(folder, "pulled-"));
  await skopeo(
    ...flags,
    "copy",
    "--src-tls-verify=false",
    `docker://${new URL(mirror).host}/${name}`,
    `oci:${target}:1`,
  );
  return target;
}

/** Runs `dragonfly preheat`, with this on its standard input. */
async function preheat(supernode: string, args: readonly string[], input = "") {
  const program = join(packageRoot(), "bin/dragonfly.js");
  const child = spawn(process.execPath, [program, "preheat", ...args, "-n", supernode], { timeout: 60_000 });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  child.stdin.end(input);
  const [exit] = await once(child, "close");
  return { exit, ...said };
}

/** What was read of contents: the path's digest, each time. */
function readsOf(requests: readonly RegistryRequest[]): readonly string[] {
  return requests
    .filter(({ method, uri }) => method === "GET" && /\/(?:blobs|manifests)\/sha256:/.test(uri))
    .map(({ uri }) => uri.slice(uri.lastIndexOf("/") + 1));
}

/** Bytes that were sent of contents; large ones are read in parts. */
function sentOf(requests: readonly RegistryRequest[]): ReadonlyMap<string, number> {
  const sent = new Map<string, number>();
  for (const request of requests) {
    for (const digest of readsOf([request])) sent.set(digest, (sent.get(digest) ?? 0) + request.sentBytes);
  }
  return new Map([...sent].sort());
}

/** Index, manifest, configuration and layers of a platform, in the pushed layout. */
async function partsOf(architecture: string): Promise<readonly string[]> {
  const read = async (digest: string) =>
    JSON.parse(await readFile(join(folder, "image/blobs/sha256", digest.slice(7)), "utf8"));
  const { manifests } = await read(image.digest);
  const { digest } = manifests.find(
    (one: { platform: { architecture: string } }) => one.platform.architecture === architecture,
  );
  const { config, layers } = await read(digest);
  return [image.digest, digest, config.digest, ...layers.map((layer: { digest: string }) => layer.digest)];
}

test("one platform for every host: the registry sends each part once, and pulls then read nothing there", {
  skip,
}, async () => {
  const name = `${registry.host}/team/app:1`;
  const args = [`oci://${name}`, "--plain-http", "--platform", "linux/arm64", "--to", "all", "--wait", "--json"];
  const { exit, stdout, stderr } = await preheat(swarm.supernodeUrl, args);
  assert.equal(exit, 0, stderr);
  const parts = await partsOf("arm64");
  const done = JSON.parse(stdout) as { url: string; contents: object; children: { digest: string }[] };
  assert.deepEqual(done.contents, { waiting: 0, running: 0, done: parts.length, failed: 0, cancelled: 0 });
  assert.deepEqual(done.children.map(({ digest }) => digest).sort(), [...parts].sort());
  const lengths = new Map([...image.manifests, ...image.blobs]);
  const expected = parts.map((digest) => [digest, lengths.get(digest)] as const);
  assert.deepEqual(sentOf(await registry.requests()), new Map([...expected].sort()), "nothing of other platforms");

  const seen = (await registry.requests()).length;
  for (const { proxyUrl } of swarm.hosts) {
    await checkLayout(await pull(proxyUrl, "team/app:1", "--override-arch", "arm64"), parts.slice(2));
  }
  const later = (await registry.requests()).slice(seen);
  assert.deepEqual(readsOf(later), []);
  assert.deepEqual([...new Set(later.map(({ method }) => method))].sort(), ["GET", "HEAD"]);
  assert.ok(later.every(({ uri }) => !uri.includes("/blobs/")));
});

test("all platforms, and podman pulls one of them without a blob from the registry", {
  skip: skip || Podman.missing,
}, async () => {
  const { exit, stderr } = await preheat(swarm.supernodeUrl, [
    registry
      .url("/v2/team/whole/manifests/1")
      .replace("http://", "oci://")
      .replace("/v2/", "/")
      .replace("/manifests/", ":"),
    "--plain-http",
    "--to",
    "34%",
    "--wait",
  ]);
  assert.equal(exit, 0, stderr);
  assert.match(stderr, /^\d+ contents, \S+ MiB, on the supernode and 2 hosts in /);
  const seen = (await registry.requests()).length;
  for (const [nth, { proxyUrl }] of swarm.hosts.entries()) {
    const options = { folder: join(folder, `podman${nth}`), registry: registry.host, mirror: new URL(proxyUrl).host };
    const podman = await Podman.make(options);
    const id = await podman.pull(`${registry.host}/team/whole:1`);
    assert.ok(image.blobs.has(`sha256:${id}`));
  }
  const later = (await registry.requests()).slice(seen);
  assert.deepEqual(readsOf(later), []);
});

test("the API takes the URL of a manifest too, and tells each part", { skip }, async () => {
  const body = { type: "image", url: registry.url("/v2/team/seed/manifests/1"), platforms: ["linux/amd64"] };
  const started = await fetch(`${swarm.supernodeUrl}/api/v1/preheats`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(started.status, 202);
  const place = `${swarm.supernodeUrl}${started.headers.get("location")}`;
  for (;;) {
    const preheat = (await (await fetch(place)).json()) as Record<string, unknown>;
    if (preheat.state === "running" || preheat.state === "waiting") continue;
    assert.equal(preheat.state, "done");
    assert.equal(preheat.url, `oci://${registry.host}/team/seed:1`);
    const children = preheat.children as readonly Record<string, unknown>[];
    assert.deepEqual(
      children.map(({ kind }) => kind),
      ["manifest", "manifest", "blob", "blob", "blob", "blob"],
    );
    for (const { seed, length, bytes } of children) {
      assert.deepEqual(seed, { state: "done", bytes: length, attempts: 1 });
      assert.equal(bytes, length);
    }
    return;
  }
});

test("what the image does not have is said", { skip }, async () => {
  const table: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      "team/app:1",
      ["--platform", "linux/s390x"],
      1,
      /has no linux\/s390x; it has linux\/amd64, linux\/arm64, linux\/riscv64/,
    ],
    ["team/app:2", [], 3, /the registry answered 404|the origin answered 404/],
    ["team/none:1", [], 3, /answered 404/],
  ];
  for (const [name, more, code, says] of table) {
    const args = [`oci://${registry.host}/${name}`, "--plain-http", "--wait", ...more];
    const { exit, stderr } = await preheat(swarm.supernodeUrl, args);
    assert.equal(exit, code, stderr);
    assert.match(stderr, says);
  }
});

test("a registry with a login: the right one brings the image to the hosts, a wrong one fails at once, and neither is seen", {
  skip,
}, async () => {
  const guarded = await Registry.start({ login: "ada:opensesame" });
  const cluster = await startSwarm(guarded);
  try {
    await push(guarded, "secret/app:1", "--dest-creds", "ada:opensesame");
    const args = [`oci://${guarded.host}/secret/app:1`, "--plain-http", "--to", "all", "--wait"];
    for (const [login, input] of [
      [["--username", "ada", "--password-stdin"], "opensesame-not"],
      [[], ""],
    ] as const) {
      const { exit, stderr } = await preheat(cluster.supernodeUrl, [...args, ...login], input);
      assert.equal(exit, 3, stderr);
      assert.match(stderr, /answered 401 [^;]*: give a user name and password that may read it/);
    }
    const given = await preheat(
      cluster.supernodeUrl,
      [...args, "--username", "ada", "--password-stdin"],
      "opensesame\n",
    );
    assert.equal(given.exit, 0, given.stderr);
    const seen = (await guarded.requests()).length;
    for (const { proxyUrl } of cluster.hosts) {
      const target = await pull(proxyUrl, "secret/app:1", "--override-arch", "amd64").catch(() => "refused");
      assert.equal(target, "refused", "who does not log in gets nothing of it");
    }
    for (const { proxyUrl } of cluster.hosts) {
      const target = await mkdtemp(join(folder, "pulled-"));
      const flags = ["--src-tls-verify=false", "--src-creds", "ada:opensesame"];
      await skopeo("copy", ...flags, `docker://${new URL(proxyUrl).host}/secret/app:1`, `oci:${target}:1`);
    }
    const sent = (await guarded.requests()).slice(seen).filter(({ status }) => status === 200 || status === 206);
    assert.deepEqual(readsOf(sent), []);
    const list = await (await fetch(`${cluster.supernodeUrl}/api/v1/preheats`)).text();
    const files = await readdir(cluster.folder, { recursive: true, withFileTypes: true });
    const kept = files.filter((file) => file.isFile() && file.name !== "pieces");
    const written = await Promise.all(kept.map((file) => readFile(join(file.parentPath, file.name), "utf8")));
    const everything = [list, cluster.logs, given.stdout, given.stderr, ...written].join("\n");
    assert.ok(everything.includes("preheat over"));
    for (const secret of ["opensesame", Buffer.from("ada:opensesame").toString("base64")]) {
      assert.ok(!everything.includes(secret));
    }
  } finally {
    await Promise.all([cluster.close(), guarded.close()]);
  }
});
