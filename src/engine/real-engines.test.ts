// That real programs read what is written for them as it is meant. Each is skipped where its program is not installed.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { addConfigPath } from "./containerd-config.ts";
import type { Mirror } from "./engine.ts";
import { addRegistryMirror } from "./podman.ts";

const without = (program: string): string | false =>
  spawnSync(program, ["--version"]).status === 0 ? false : `${program} is not installed`;

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-engines-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const run = promisify(execFile);

test("containerd finds certs.d in what is added to its own default", { skip: without("containerd") }, async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "config.toml");
    const written = (await run("containerd", ["config", "default"], { timeout: 20_000 })).stdout;
    for (const before of [undefined, "", "# none", "version = 2\n[plugins]\n", written]) {
      const { text } = addConfigPath(file, before);
      await writeFile(file, text ?? before ?? "");
      const { stdout } = await run("containerd", ["-c", file, "config", "dump"], { timeout: 20_000 });
      assert.match(stdout, /^ *config_path = ["']\/etc\/containerd\/certs\.d/m);
    }
  });
});

interface Asked {
  /** Where it listens: `127.0.0.1:PORT`. */
  readonly authority: string;
  readonly requests: readonly string[];
}

const manifest = JSON.stringify({ schemaVersion: 2, config: {}, layers: [] });

/** A registry that has one manifest under every name. */
async function withRegistry(use: (registry: Asked) => Promise<void>): Promise<void> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.writeHead(200, { "content-type": "application/vnd.oci.image.manifest.v1+json" }).end(manifest);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use({ authority: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** What skopeo reads of an image, with this drop-in. */
async function inspect(image: string, dropIn: string): Promise<string> {
  let manifestRead = "";
  await inDirectory(async (home) => {
    const folder = join(home, ".config/containers");
    await mkdir(join(folder, "registries.conf.d"), { recursive: true });
    await writeFile(join(folder, "registries.conf"), "unqualified-search-registries = []\n");
    await writeFile(join(folder, "registries.conf.d/50-dragonfly.conf"), dropIn);
    const options = { timeout: 20_000, env: { PATH: process.env.PATH, HOME: home } };
    manifestRead = (await run("skopeo", ["inspect", "--raw", `docker://${image}`], options)).stdout;
  });
  return manifestRead;
}

const mirrorAt = (authority: string): Mirror => ({ url: `http://${authority}`, authority, tls: false });

const files: readonly (readonly [name: string, before: string | undefined])[] = [
  ["a drop-in of our own", undefined],
  ["a table that is there", '# mine\n[[registry]]\nprefix = "docker.io"\nlocation = "127.0.0.1:1"\n\n[aliases]\n'],
  [
    "a table with another mirror",
    '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\ninsecure = true\n',
  ],
];

for (const [name, before] of files) {
  test(`skopeo asks the mirror first, without naming the registry: ${name}`, { skip: without("skopeo") }, async () => {
    await withRegistry(async ({ authority, requests }) => {
      const wish = { mirror: mirrorAt(authority), registry: { host: "docker.io", tls: true } };
      assert.equal(await inspect("docker.io/library/x:1", addRegistryMirror("f", before, wish)), manifest);
      assert.deepEqual(requests, ["GET /v2/", "GET /v2/library/x/manifests/1"]);
    });
  });
}

test("skopeo goes to the registry itself when the mirror is down", { skip: without("skopeo") }, async () => {
  await withRegistry(async ({ authority, requests }) => {
    const wish = { mirror: mirrorAt("127.0.0.1:1"), registry: { host: authority, tls: false } };
    assert.equal(await inspect(`${authority}/library/x:1`, addRegistryMirror("f", undefined, wish)), manifest);
    assert.deepEqual(requests, ["GET /v2/", "GET /v2/library/x/manifests/1"]);
  });
});
