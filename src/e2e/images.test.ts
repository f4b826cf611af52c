// Images through the mirrors of four daemons, from a real registry, with a real client.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkLayout, type Image, writeImage } from "../testing/image-layout.ts";
import { mirrorsOf, pushImage, sentByDigest } from "../testing/image-rig.ts";
import type { ProcessSwarm } from "../testing/process-swarm.ts";
import { Registry, skopeo } from "../testing/registry.ts";

const MIB = 2 ** 20;
const { missing: skip } = Registry;
let folder: string;
let image: Image;
let registry: Registry;
let swarm: ProcessSwarm;
let mirrors: readonly string[];

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "dragonfly-images-"));
  image = await writeImage(join(folder, "image"), {
    layerBytes: [12 * MIB, 3000, 2 * MIB],
    architectures: ["amd64", "arm64"],
  });
  registry = await Registry.start();
  await push(registry, "team/app:1");
  [swarm, mirrors] = await mirrorsOf(registry.url(), { hosts: 4 });
});
after(async () => {
  if (skip) return;
  await Promise.all([swarm?.close(), registry?.close()]);
  await rm(folder, { recursive: true });
});

function push(to: Registry, name: string, ...flags: readonly string[]): Promise<string> {
  return pushImage(join(folder, "image"), to, name, ...flags);
}

/** Resolves to where the image was written. */
async function pull(mirror: string, name: string, ...flags: readonly string[]): Promise<string> {
  const target = await mkdtemp(join(folder, "pulled-"));
  const source = `docker://${new URL(mirror).host}/${name}`;
  await skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", ...flags, source, `oci:${target}:1`);
  return target;
}

test("four daemons pull one image at once, and the registry sends each blob and each manifest once", {
  skip,
}, async () => {
  const seen = (await registry.requests()).length;
  const targets = await Promise.all(mirrors.map((mirror) => pull(mirror, "team/app:1")));
  for (const target of targets) await checkLayout(target, [...image.manifests.keys(), ...image.blobs.keys()]);
  const sent = await sentByDigest(registry, seen);
  for (const [digest, bytes] of image.blobs) assert.equal(sent.get(digest), bytes, `the blob ${digest}`);
  for (const [digest, bytes] of image.manifests) assert.equal(sent.get(digest), bytes, `the manifest ${digest}`);
});

test("a warm pull sends nothing of the content", { skip }, async () => {
  const seen = (await registry.requests()).length;
  const [mirror = ""] = mirrors;
  await checkLayout(await pull(mirror, "team/app:1"), [...image.manifests.keys(), ...image.blobs.keys()]);
  const sent = await sentByDigest(registry, seen);
  assert.deepEqual([...sent.keys()], []);
});

test("a registry with a login: the right one gets the image, no other gets a byte, also of what is held", {
  skip,
}, async () => {
  const guarded = await Registry.start({ login: "ada:sesame" });
  const [cluster, [first = "", second = ""]] = await mirrorsOf(guarded.url(), { hosts: 2 });
  try {
    await push(guarded, "secret/app:1", "--dest-creds", "ada:sesame");
    const all = [...image.manifests.keys(), ...image.blobs.keys()];
    await checkLayout(await pull(first, "secret/app:1", "--src-creds", "ada:sesame"), all);
    for (const mirror of [first, second]) {
      await assert.rejects(
        pull(mirror, "secret/app:1", "--src-creds", "ada:guess"),
        /unauthorized|authentication required/i,
      );
      await assert.rejects(pull(mirror, "secret/app:1"), /unauthorized|authentication required/i);
      for (const digest of image.blobs.keys()) {
        const answer = await fetch(`${mirror}/v2/secret/app/blobs/${digest}`);
        assert.deepEqual([answer.status, answer.headers.get("www-authenticate")], [401, 'Basic realm="members"']);
        await answer.body?.cancel();
      }
    }
    const seen = (await guarded.requests()).length;
    await checkLayout(await pull(second, "secret/app:1", "--src-creds", "ada:sesame"), all);
    const sent = await sentByDigest(guarded, seen);
    for (const digest of image.blobs.keys()) assert.equal(sent.get(digest), undefined);
  } finally {
    await Promise.all([cluster.close(), guarded.close()]);
  }
});

test("a registry that is down: what is held comes by its digest, the rest is 502 and names the registry", {
  skip,
}, async () => {
  const [mirror = ""] = mirrors;
  await registry.down();
  try {
    const target = await pull(mirror, `team/app@${image.digest}`);
    await checkLayout(target, [...image.manifests.keys(), ...image.blobs.keys()]);
    const answer = await fetch(`${mirror}/v2/team/app/manifests/1`);
    assert.equal(answer.status, 502);
    assert.ok((await answer.text()).includes(registry.host));
    await assert.rejects(pull(mirror, "team/app:1"), /502|Bad Gateway|nothing listens/i);
  } finally {
    await registry.up();
  }
});

test("a push through the mirror reaches the registry, and can be pulled", { skip }, async () => {
  const [mirror = "", other = ""] = mirrors;
  const destination = `docker://${new URL(mirror).host}/team/pushed:1`;
  const flags = ["--all", "--preserve-digests", "--dest-tls-verify=false"];
  await skopeo("copy", ...flags, `oci:${join(folder, "image")}:1`, destination);
  await checkLayout(await pull(other, "team/pushed:1"), [...image.manifests.keys(), ...image.blobs.keys()]);
});

test("with the supernode gone a pull goes on from the registry", { skip }, async () => {
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { hosts: 1 });
  try {
    await cluster.supernode?.kill("SIGKILL");
    await checkLayout(await pull(mirror, "team/app:1"), [...image.manifests.keys(), ...image.blobs.keys()]);
  } finally {
    await cluster.close();
  }
});

test("a supernode that dies in the middle of a pull: it goes on, with what the neighbour has and from the registry", {
  skip,
}, async () => {
  const daemonFlags = ["--download-limit", "2MB/s"];
  const [cluster, urls] = await mirrorsOf(registry.url(), { hosts: 2, daemonFlags });
  try {
    const pulls = Promise.all(urls.map((url) => pull(url, "team/app:1")));
    await cluster.first.daemon?.said("stderr", /download started.*\/blobs\//);
    await cluster.supernode?.kill("SIGKILL");
    for (const target of await pulls) await checkLayout(target, [...image.manifests.keys(), ...image.blobs.keys()]);
  } finally {
    await cluster.close();
  }
});

test("a blob that is spoiled at the registry reaches nobody whole, and is fetched anew when it is mended", {
  skip,
}, async () => {
  const [digest = ""] = image.blobs.keys();
  const spoiled = await Registry.start();
  const [cluster, urls] = await mirrorsOf(spoiled.url(), { hosts: 2 });
  try {
    await push(spoiled, "team/app:1");
    const right = await readFile(spoiled.blobFile(digest));
    const wrong = Buffer.from(right);
    wrong.writeUInt8(wrong.readUInt8(9 * MIB) ^ 1, 9 * MIB);
    await writeFile(spoiled.blobFile(digest), wrong);
    for (const url of urls) {
      await assert.rejects(fetch(`${url}/v2/team/app/blobs/${digest}`).then((answer) => answer.arrayBuffer()));
    }
    assert.match(cluster.logs, /the copy there is broken/);
    await writeFile(spoiled.blobFile(digest), right);
    // Who comes while what was read before is still on its way to its digest is broken off too, and asks again as engines do.
    const again = (url: string) => pull(url, "team/app:1").catch(() => pull(url, "team/app:1"));
    for (const url of urls) await checkLayout(await again(url), image.blobs.keys());
  } finally {
    await Promise.all([cluster.close(), spoiled.close()]);
  }
});
