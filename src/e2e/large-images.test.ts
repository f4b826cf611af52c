// Images as large as they get in practice, pulled by four hosts at once. Takes minutes and 10 GB of disk, so only when asked for.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkLayout, type Packing, writeImage } from "../testing/image-layout.ts";
import { mirrorsOf, pushImage, sentByDigest } from "../testing/image-rig.ts";
import { Registry, skopeo } from "../testing/registry.ts";

const asked = process.env.DRAGONFLY_TEST_LARGE === "1";
const skip = asked ? Registry.missing : "DRAGONFLY_TEST_LARGE=1 runs it";
const MIB = 2 ** 20;

for (const [name, layerBytes, packing] of [
  ["one layer of 500 MiB, plain", [500 * MIB], "none"],
  ["8 layers, 250 MiB in all, in gzip", [1024, 150 * MIB, MIB, 75 * MIB, 2 * MIB, 22 * MIB, 70_000, 1], "gzip"],
  ["40 layers, 120 MiB in all, in zstd", Array.from({ length: 40 }, (_, nth) => (nth + 5) * 131_072), "zstd"],
] satisfies readonly (readonly [string, number[], Packing])[]) {
  test(`four hosts pull an image of ${name}, cold and warm, and the registry sends each part of it once`, {
    skip,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "dragonfly-large-"));
    const registry = await Registry.start();
    const layout = join(folder, "image");
    const image = await writeImage(layout, { layerBytes, architectures: ["amd64"], packing });
    await pushImage(layout, registry, "team/large:1");
    const [swarm, mirrors] = await mirrorsOf(registry.url(), { hosts: 4 });
    const pull = async (mirror: string): Promise<void> => {
      const target = await mkdtemp(join(folder, "pulled-"));
      const source = `docker://${new URL(mirror).host}/team/large:1`;
      await skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", source, `oci:${target}:1`);
      await checkLayout(target, [...image.manifests.keys(), ...image.blobs.keys()]);
      await rm(target, { recursive: true });
    };
    try {
      const cold = (await registry.requests()).length;
      await Promise.all(mirrors.map(pull));
      const sent = await sentByDigest(registry, cold);
      for (const [digest, bytes] of [...image.blobs, ...image.manifests]) assert.equal(sent.get(digest), bytes, digest);
      const warm = (await registry.requests()).length;
      await Promise.all(mirrors.map(pull));
      assert.deepEqual([...(await sentByDigest(registry, warm)).keys()], []);
    } finally {
      await Promise.all([swarm.close(), registry.close()]);
      await rm(folder, { recursive: true });
    }
  });
}
