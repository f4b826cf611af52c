// A client that reads a blob here and there, as lazy pullers do, from a real registry through one daemon's mirror.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "../core/random.ts";
import { writeImage } from "../testing/image-layout.ts";
import { mirrorsOf, pushImage } from "../testing/image-rig.ts";
import { Registry } from "../testing/registry.ts";

test("ten thousand small ranges all over a blob, eight at a time, are its bytes", {
  skip: Registry.missing,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-ranges-"));
  const image = await writeImage(join(folder, "image"), { layerBytes: [12 * 2 ** 20], architectures: ["amd64"] });
  const registry = await Registry.start();
  await pushImage(join(folder, "image"), registry, "team/app:1");
  const [[digest = "", length = 0] = []] = [...image.blobs].sort(([, one], [, other]) => other - one);
  const blob = await readFile(registry.blobFile(digest));
  const seed = (Math.random() * 0x7fffffff) | 0;
  const random = seededRandom(seed);
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { hosts: 1 });
  const askOne = async (): Promise<void> => {
    const first = random.integer(length);
    const last = Math.min(length - 1, first + random.integer(5000));
    const answer = await fetch(`${mirror}/v2/team/app/blobs/${digest}`, {
      headers: { range: `bytes=${first}-${last}` },
    });
    const body = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.headers.get("content-range"), `bytes ${first}-${last}/${length}`);
    assert.ok(body.equals(blob.subarray(first, last + 1)), `bytes ${first}-${last}, seed ${seed}`);
  };
  const asker = async (): Promise<void> => {
    for (let nth = 0; nth < 1250; nth++) await askOne();
  };
  try {
    await Promise.all(Array.from({ length: 8 }, asker));
  } finally {
    await Promise.all([cluster.close(), registry.close()]);
    await rm(folder, { recursive: true });
  }
});
