import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLog } from "../runtime/log.ts";
import type { RegistryConfig } from "../runtime/registry-config.ts";
import { Registries, urlAt } from "./registries.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "registries-"));
});
after(() => rm(folder, { recursive: true }));

const load = (registries: readonly Partial<RegistryConfig>[], registry?: string): Promise<Registries> =>
  Registries.load({
    registries: registries.map(({ host = "", ...more }) => ({
      host,
      url: `https://${host}`,
      insecure: false,
      ...more,
    })),
    registry,
    log: silentLog,
  });

test("a registry is named by ns, by the first segment of a name, or by nothing", async () => {
  const registries = await load([{ host: "ghcr.io" }, { host: "lab" }, { host: "host:5000" }], "http://reg:5000");
  const meant = (path: string, ns?: string) => {
    const { registry, path: rest, before, vague } = registries.locate(path, ns);
    return [registry.root, rest, before, vague];
  };
  assert.deepEqual(meant("/v2/a/b/tags/list", "quay.io"), ["https://quay.io", "/v2/a/b/tags/list", "", false]);
  assert.deepEqual(meant("/v2/ghcr.io/a/tags/list"), ["https://ghcr.io", "/v2/a/tags/list", "ghcr.io/", false]);
  assert.deepEqual(meant("/v2/host%3A5000/a/tags/list"), ["https://host:5000", "/v2/a/tags/list", "host:5000/", false]);
  // A plain word may be anybody's repository, a host that is not configured too, and who says ns has said it.
  assert.deepEqual(meant("/v2/lab/a/tags/list"), ["http://reg:5000", "/v2/lab/a/tags/list", "", false]);
  assert.deepEqual(meant("/v2/quay.io/a/tags/list"), ["http://reg:5000", "/v2/quay.io/a/tags/list", "", false]);
  assert.deepEqual(meant("/v2/ghcr.io/a/tags/list", "lab"), ["https://lab", "/v2/ghcr.io/a/tags/list", "", false]);
  assert.deepEqual(meant("/v2/"), ["http://reg:5000", "/v2/", "", true]);
  assert.deepEqual(meant("/v2/", "ghcr.io"), ["https://ghcr.io", "/v2/", "", false]);
  assert.equal((await load([])).locate("/v2/", undefined).vague, false);
});

test("Docker Hub has several names and one place, and may be had elsewhere", async () => {
  const plain = await load([{ host: "docker.io", insecure: true }]);
  for (const name of [undefined, "docker.io", "index.docker.io", "registry-1.docker.io"]) {
    const { root, trust } = plain.find(name);
    assert.deepEqual([root, trust], ["https://registry-1.docker.io", { insecure: true }], name);
  }
  const elsewhere = await load([{ host: "docker.io", url: "https://harbor.example/v2/hub" }]);
  const hub = elsewhere.find("docker.io");
  assert.equal(
    urlAt(hub, "/v2/library/nginx/tags/list?n=1"),
    "https://harbor.example/v2/hub/library/nginx/tags/list?n=1",
  );
  assert.equal(urlAt(hub, "/v2/"), "https://harbor.example/v2/");
  assert.equal(urlAt(hub, "/v2/_catalog"), "https://harbor.example/v2/_catalog");
});

test("a path before /v2/ is kept, and the default registry may have an entry", async () => {
  const registries = await load([{ host: "nexus.example", url: "https://nexus.example/repository/docker" }]);
  const nexus = registries.find("nexus.example");
  assert.equal(urlAt(nexus, "/v2/a/tags/list"), "https://nexus.example/repository/docker/v2/a/tags/list");
  const plain = await load([{ host: "reg:5000", insecure: true }], "http://reg:5000");
  assert.deepEqual([plain.find(undefined).root, plain.find(undefined).trust], ["http://reg:5000", { insecure: true }]);
});

test("what the configuration names must be there and be what it should", async () => {
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const rejects = (entry: Partial<RegistryConfig>, message: RegExp): Promise<void> =>
    assert.rejects(load([{ host: "ghcr.io", ...entry }]), { code: "bad-config", message });
  await rejects({ caFile: join(folder, "none") }, /^registries: ghcr\.io: .*none cannot be read \(ENOENT\)/);
  await rejects({ caFile: await file("key", "-----BEGIN PRIVATE KEY-----") }, /no certificate/);
  const password = { kind: "password", username: "ada" } as const;
  await rejects({ login: { ...password, passwordFile: await file("empty", "\n") } }, /is empty/);
  const authFile = await file("config.json", '{ "auths": { "quay.io": { "auth": "c2VzYW1l" } } }');
  await rejects({ login: { kind: "docker", authFile } }, /no credentials for ghcr\.io/);
});
