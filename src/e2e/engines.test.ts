// Each container engine, as it comes, against the mirror of a daemon: cold, warm, with the daemon dying under its hands, and with each way
// of packing a layer.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Containerd } from "../testing/containerd.ts";
import { DockerEngine } from "../testing/docker-engine.ts";
import { type Image, writeImage } from "../testing/image-layout.ts";
import { blobReaders, mirrorsOf, pushImage, sentByDigest } from "../testing/image-rig.ts";
import { Podman, type PodmanProgram } from "../testing/podman.ts";
import { Registry } from "../testing/registry.ts";

const MIB = 2 ** 20;
const zstdMissing = spawnSync("zstd", ["--version"], { stdio: "ignore" }).status !== 0 && "zstd is not installed";
/** What the stores of most engines need long for. */
const patient = process.env.DRAGONFLY_TEST_LARGE === "1";
const platforms = ["amd64", "arm64", "riscv64"];

/** An engine that asks the mirror first and then the registry. */
interface Engine {
  /** Resolves to digests of what it holds now of the image. */
  pull(image: string): Promise<readonly string[]>;
  forget(image: string): Promise<void>;
  close(): Promise<void>;
}

interface EngineKind {
  readonly name: string;
  readonly missing: string | false;
  readonly zstd: boolean;
  start(mirror: string): Promise<Engine>;
}

let folder: string;
let registry: Registry;
const images = new Map<string, Image>();

before(async () => {
  if (Registry.missing) return;
  // The shortest of names: sockets of engines have long ones.
  folder = await mkdtemp(join(tmpdir(), "dfe-"));
  registry = await Registry.start();
  await publish("team/app:1", { layerBytes: [1024, 3 * MIB, 70_000, 1, 2 * MIB, 512, 400_000, 65_536] });
  await publish("team/slow:1", { layerBytes: [6 * MIB], architectures: ["amd64"] });
  const forty = Array.from({ length: 40 }, (_, nth) => 1024 * (nth + 1));
  await publish("team/forty:1", { layerBytes: forty, architectures: ["amd64"], packing: "none" });
  if (!zstdMissing) await publish("team/zstd:1", { layerBytes: [1024, MIB], packing: "zstd" });
  if (patient) await publish("team/large:1", { layerBytes: [1024, 500 * MIB], architectures: ["amd64"] });
});
after(async () => {
  if (Registry.missing) return;
  await registry.close();
  await rm(folder, { recursive: true });
});

async function publish(
  name: string,
  options: {
    readonly layerBytes: readonly number[];
    readonly architectures?: string[];
    readonly packing?: "zstd" | "none";
  },
): Promise<void> {
  const layout = join(folder, name.replaceAll(/\W/g, "-"));
  images.set(name, await writeImage(layout, { architectures: platforms, ...options }));
  await pushImage(layout, registry, name);
}

function podmanLike(program: PodmanProgram): EngineKind {
  return {
    name: program,
    missing: Podman.lacks(program),
    zstd: true,
    start: async (mirror) => {
      const own = await mkdtemp(join(folder, "p-"));
      const podman = await Podman.make({
        program,
        folder: own,
        registry: registry.host,
        mirror: new URL(mirror).host,
      });
      return {
        pull: async (image) => [`sha256:${await podman.pull(`${registry.host}/${image}`)}`],
        forget: () => podman.clear(),
        close: () => podman.clear(),
      };
    },
  };
}

const kinds: readonly EngineKind[] = [
  podmanLike("podman"),
  podmanLike("buildah"),
  {
    name: "containerd",
    missing: Containerd.missing,
    zstd: true,
    start: async (mirror) => {
      const containerd = await Containerd.start({
        folder: await mkdtemp(join(folder, "c-")),
        registry: registry.host,
        mirror,
      });
      return {
        pull: async (image) => {
          await containerd.pull(`${registry.host}/${image}`, "--all-platforms");
          return containerd.digests();
        },
        forget: (image) => containerd.remove(`${registry.host}/${image}`),
        close: () => containerd.close(),
      };
    },
  },
  {
    name: "dockerd",
    missing: DockerEngine.missing,
    // It learnt that in version 23.
    zstd: false,
    start: async (mirror) => {
      // Its mirrors are for Docker Hub alone: the registry is the hub's stand-in, last in the list.
      const flags = [mirror, registry.url()].flatMap((url) => ["--registry-mirror", url]);
      const docker = await DockerEngine.start({ folder: await mkdtemp(join(folder, "d-")), flags });
      return {
        pull: async (image) => {
          await docker.pull(image);
          return [await docker.idOf(image)];
        },
        forget: (image) => docker.remove(image),
        close: () => docker.close(),
      };
    },
  },
];

/** That what the engine holds is of the image; of which engines that tell only one digest, it is the configuration's. */
function assertHolds(image: string, held: readonly string[]): void {
  const { blobs, manifests } = images.get(image) ?? assert.fail(image);
  assert.ok(held.length > 0);
  for (const digest of held) assert.ok(blobs.has(digest) || manifests.has(digest), digest);
  if (held.length === 1) return;
  assert.deepEqual([...held].sort(), [...blobs.keys(), ...manifests.keys()].sort());
}

for (const kind of kinds) {
  const skip = Registry.missing || kind.missing;

  test(`${kind.name} pulls through the mirror, cold and warm`, { skip }, async () => {
    const [cluster, [mirror = ""]] = await mirrorsOf(registry.url());
    const engine = await kind.start(mirror);
    try {
      const atFirst = (await registry.requests()).length;
      assertHolds("team/app:1", await engine.pull("team/app:1"));
      assert.deepEqual(await blobReaders(registry, atFirst), ["dragonfly"]);
      const warm = (await registry.requests()).length;
      await engine.forget("team/app:1");
      assertHolds("team/app:1", await engine.pull("team/app:1"));
      assert.deepEqual([...(await sentByDigest(registry, warm)).keys()], []);
    } finally {
      await Promise.all([engine.close(), cluster.close()]);
    }
  });

  test(`${kind.name} goes on with the registry when the daemon dies in the middle of a pull`, { skip }, async () => {
    const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { daemonFlags: ["--download-limit", "1MB/s"] });
    const engine = await kind.start(mirror);
    try {
      const before = (await registry.requests()).length;
      const pulling = engine.pull("team/slow:1");
      const { daemon } = cluster.first;
      const killed = daemon?.said("stderr", /download started.*\/blobs\//).then(() => daemon.kill("SIGKILL"));
      const [held] = await Promise.all([pulling, killed]);
      assertHolds("team/slow:1", held);
      const readers = await blobReaders(registry, before);
      assert.ok(readers.includes("dragonfly") && readers.length > 1, String(readers));
      await engine.forget("team/slow:1");
      assertHolds("team/slow:1", await engine.pull("team/slow:1"));
    } finally {
      await Promise.all([engine.close(), cluster.close()]);
    }
  });
}

for (const kind of kinds) {
  const brief = kind.name === "containerd" || patient ? false : "DRAGONFLY_TEST_LARGE=1 runs it";
  const skip = Registry.missing || kind.missing || brief;

  test(`${kind.name} pulls 500 MiB, cold and warm, and the registry sends them once`, {
    skip: skip || (patient ? false : "DRAGONFLY_TEST_LARGE=1 runs it"),
  }, async () => {
    const [cluster, [mirror = ""]] = await mirrorsOf(registry.url());
    const engine = await kind.start(mirror);
    try {
      const before = (await registry.requests()).length;
      for (const _ of ["cold", "warm"]) {
        assertHolds("team/large:1", await engine.pull("team/large:1"));
        await engine.forget("team/large:1");
      }
      const sent = await sentByDigest(registry, before);
      for (const [digest, bytes] of images.get("team/large:1")?.blobs ?? [])
        assert.equal(sent.get(digest), bytes, digest);
    } finally {
      await Promise.all([engine.close(), cluster.close()]);
    }
  });

  test(`${kind.name} pulls forty plain layers, and layers in zstd`, { skip }, async () => {
    const [cluster, [mirror = ""]] = await mirrorsOf(registry.url());
    const engine = await kind.start(mirror);
    try {
      const before = (await registry.requests()).length;
      for (const image of kind.zstd && !zstdMissing ? ["team/forty:1", "team/zstd:1"] : ["team/forty:1"]) {
        assertHolds(image, await engine.pull(image));
        await engine.forget(image);
      }
      assert.deepEqual(await blobReaders(registry, before), ["dragonfly"]);
    } finally {
      await Promise.all([engine.close(), cluster.close()]);
    }
  });
}
