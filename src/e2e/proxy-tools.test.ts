// The programs that people give a proxy to, with the built daemons of two hosts: each package leaves its site once, over http and https.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { DockerEngine } from "../testing/docker-engine.ts";
import { writeImage } from "../testing/image-layout.ts";
import { sha256 } from "../testing/outcome.ts";
import { missingTool, type PackageSite, startPackageSite } from "../testing/package-site.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { Registry, skopeo } from "../testing/registry.ts";

interface Host {
  readonly proxy: string;
  /** The authority's certificate, a file. */
  readonly ca: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of its own, for what its programs write. */
  readonly folder: string;
}

let folder: string;
let site: PackageSite;
let registry: Registry | undefined;
let swarm: ProcessSwarm;
let hosts: readonly Host[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dragonfly-proxy-"));
  site = await startPackageSite(folder, "packages.test");
  registry = Registry.missing === false ? await Registry.start() : undefined;
  const config = join(folder, "daemon.yaml");
  const to = (host: string): string => `{ scheme: http, host: "${host}" }`;
  await writeFile(
    config,
    `proxy: 127.0.0.1:0
intercept: [packages.test, registry.test]
proxy-rules:
  - match: ^https?://packages\\.test/(apt/)?files/
    use: swarm
    rewrite: ${to(`127.0.0.1:${site.origin.port}`)}
  - match: ^https?://packages\\.test/
    rewrite: ${to(`127.0.0.1:${site.origin.port}`)}
  - match: ^https://registry\\.test/
    use: swarm
    rewrite: ${to(registry?.host ?? "127.0.0.1:1")}
`,
  );
  const given = ["--config", config, "--proxy", "127.0.0.1:0"];
  swarm = await ProcessSwarm.start({ hosts: 2, daemonFlags: given });
  hosts = await Promise.all(
    swarm.hosts.map(async ({ daemon, dataDir, folder: own }) => {
      const [, proxy = ""] = /proxy (http:\S+),/.exec(String(daemon?.stdout)) ?? [];
      const env = { PATH: process.env.PATH ?? "", HOME: own, http_proxy: proxy, https_proxy: proxy };
      return { proxy, ca: join(dataDir, "ca", "cert.pem"), env, folder: await mkdtemp(join(folder, "host-")) };
    }),
  );
});
after(async () => {
  await Promise.all([swarm?.close(), registry?.close(), site?.origin.close()]);
  await rm(folder, { recursive: true });
});

async function run(program: string, args: readonly string[], host: Host, env: Readonly<Record<string, string>> = {}) {
  const options = { cwd: host.folder, env: { ...host.env, ...env }, timeout: 60_000, maxBuffer: 1 << 24 };
  return promisify(execFile)(program, args, options);
}

/** On each host, one after the other; in the end the site has sent the file once. */
async function onEach(path: string, use: (host: Host, scheme: "http" | "https") => Promise<void>): Promise<void> {
  const before = site.sentBytes(path);
  for (const host of hosts) for (const scheme of ["http", "https"] as const) await use(host, scheme);
  assert.equal(site.sentBytes(path) - before, before === 0 ? site.has(path).length : 0, path);
}

async function holdsPayload(path: string): Promise<void> {
  assert.equal(sha256(await readFile(path)), sha256(site.payload));
}

test("curl, also where it goes on with half a file", { skip: missingTool("curl") }, async () => {
  await onEach("/files/plain.bin", async (host, scheme) => {
    const output = join(host.folder, "curl.bin");
    await writeFile(output, site.payload.subarray(0, 500_000));
    const url = `${scheme}://packages.test/files/plain.bin`;
    await run("curl", ["-fsS", "--cacert", host.ca, "-C", "-", "-o", output, url], host);
    await holdsPayload(output);
  });
});

test("wget, also where it asks whether there is a newer one", { skip: missingTool("wget") }, async () => {
  await onEach("/files/plain.bin", async (host, scheme) => {
    const url = `${scheme}://packages.test/files/plain.bin`;
    const flags = ["-q", "--ca-certificate", host.ca, "--timestamping"];
    for (let times = 0; times < 2; times++) await run("wget", [...flags, url], host);
    await holdsPayload(join(host.folder, "plain.bin"));
  });
});

test("pip downloads a wheel", { skip: missingTool("python3 && python3 -m pip") }, async () => {
  await onEach("/files/demo-1.0-py3-none-any.whl", async (host, scheme) => {
    const target = join(host.folder, `pip-${scheme}`);
    const index = ["--index-url", `${scheme}://packages.test/simple/`, "--trusted-host", "packages.test"];
    const trust = scheme === "https" ? ["--index-url", "https://packages.test/simple/", "--cert", host.ca] : index;
    const own = [
      "--isolated",
      "--no-cache-dir",
      "--disable-pip-version-check",
      "download",
      "--no-deps",
      "--dest",
      target,
    ];
    const pip = ["-m", "pip", ...own, ...trust, "--proxy", host.proxy, "demo"];
    await run("python3", pip, host);
    const [name = ""] = await readdir(target);
    assert.ok((await readFile(join(target, name))).equals(site.has(`/files/${name}`)));
  });
});

test("npm packs a package out of its registry", { skip: missingTool("npm") }, async () => {
  await onEach("/files/demo-1.0.0.tgz", async (host, scheme) => {
    const cache = [
      "--cache",
      join(host.folder, `npm-${scheme}`),
      "--userconfig",
      join(host.folder, "npmrc"),
      "--globalconfig",
      "/dev/null",
    ];
    const registryFlag = ["--registry", `${scheme}://packages.test/${scheme}/`, "--fetch-retries", "0"];
    await run("npm", ["pack", "demo@1.0.0", ...cache, ...registryFlag], host, {
      NODE_EXTRA_CA_CERTS: host.ca,
    });
    assert.ok((await readFile(join(host.folder, "demo-1.0.0.tgz"))).equals(site.has("/files/demo-1.0.0.tgz")));
  });
});

test("apt updates and downloads", { skip: missingTool("apt-get", "dpkg-deb") }, async () => {
  await onEach("/apt/files/demo_1.0_all.deb", async (host, scheme) => {
    const root = await mkdtemp(join(host.folder, "apt-"));
    for (const part of ["state/lists/partial", "cache/archives/partial", "etc"]) {
      await mkdir(join(root, part), { recursive: true });
    }
    await writeFile(join(root, "status"), "");
    await writeFile(join(root, "sources.list"), `deb [trusted=yes] ${scheme}://packages.test/apt ./\n`);
    const settings = {
      "Dir::State": join(root, "state"),
      "Dir::State::status": join(root, "status"),
      "Dir::Cache": join(root, "cache"),
      "Dir::Etc": join(root, "etc"),
      "Dir::Etc::sourcelist": join(root, "sources.list"),
      "Dir::Log": root,
      "APT::Sandbox::User": "",
      "Acquire::Languages": "none",
      "Acquire::http::Proxy": host.proxy,
      "Acquire::https::CAInfo": host.ca,
      "Debug::NoLocking": "true",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    await run("apt-get", [...options, "update"], host);
    await run("apt-get", [...options, "download", "demo"], host);
    assert.ok((await readFile(join(host.folder, "demo_1.0_all.deb"))).equals(site.has("/apt/files/demo_1.0_all.deb")));
    await rm(join(host.folder, "demo_1.0_all.deb"));
  });
});

test("git-lfs fetches an object, with its own credentials", { skip: missingTool("git", "git-lfs") }, async () => {
  const oid = sha256(site.payload);
  await onEach(`/files/lfs/${oid}`, async (host, scheme) => {
    const repository = await mkdtemp(join(host.folder, "lfs-"));
    const git = (...args: readonly string[]) =>
      run("git", ["-C", repository, "-c", "user.name=ada", "-c", "user.email=ada@example.com", ...args], host);
    await git("init", "--quiet");
    await git("config", "lfs.url", `${scheme}://packages.test/lfs`);
    await git("config", `http.${scheme}://packages.test/.sslCAInfo`, host.ca);
    await writeFile(join(repository, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${site.payload.length}\n`;
    await writeFile(join(repository, "large.bin"), pointer);
    await git("add", ".");
    await git("commit", "--quiet", "--message", "one");
    await git("lfs", "pull");
    await git("lfs", "checkout");
    await holdsPayload(join(repository, "large.bin"));
  });
  assert.ok(
    site.origin.requests.some(({ url, headers }) => url.includes(oid) && headers.authorization === "RemoteAuth of-ada"),
  );
});

test("huggingface_hub downloads a model", {
  skip: missingTool("python3 && python3 -c 'import huggingface_hub'"),
}, async () => {
  await onEach("/files/team/demo/resolve/main/model.bin", async (host, scheme) => {
    const script = `
import huggingface_hub, sys
print(huggingface_hub.hf_hub_download("team/demo", "model.bin", cache_dir=sys.argv[1]), end="")
`;
    const env = {
      HF_ENDPOINT: `${scheme}://packages.test/files`,
      REQUESTS_CA_BUNDLE: host.ca,
      SSL_CERT_FILE: host.ca,
      HF_HUB_DISABLE_TELEMETRY: "1",
    };
    const { stdout } = await run("python3", ["-c", script, join(host.folder, `hub-${scheme}`)], host, env);
    await holdsPayload(stdout);
  });
});

test("images are pulled by their registry's own name: skopeo, and Docker's engine that only knows the proxy", {
  skip: Registry.missing,
}, async (t) => {
  assert.ok(registry);
  const image = await writeImage(join(folder, "image"), { layerBytes: [2_000_000, 3000], architectures: ["amd64"] });
  const to = ["--dest-tls-verify=false", `oci:${join(folder, "image")}:1`, `docker://${registry.host}/team/app:1`];
  await skopeo("copy", "--preserve-digests", "--all", ...to);
  const seen = (await registry.requests()).length;
  for (const host of hosts) {
    const target = await mkdtemp(join(host.folder, "pulled-"));
    const from = ["docker://registry.test/team/app:1", `oci:${target}:1`];
    const flags = ["--insecure-policy", "copy", "--all", "--preserve-digests"];
    await run("skopeo", [...flags, ...from], host, { SSL_CERT_FILE: host.ca });
  }
  const [host] = hosts;
  assert.ok(host);
  const { missing } = DockerEngine;
  await t.test("Docker", { skip: missing }, async () => {
    const env = { HTTPS_PROXY: host.proxy, SSL_CERT_FILE: host.ca };
    const engine = await DockerEngine.start({ folder: join(folder, "docker"), env });
    try {
      await engine.pull("registry.test/team/app:1");
      assert.ok(image.blobs.has(await engine.idOf("registry.test/team/app:1")));
    } finally {
      await engine.close();
    }
  });
  const requests = (await registry.requests()).slice(seen);
  const given = requests.filter(({ method, status }) => method === "GET" && status < 300);
  for (const [digest, bytes] of image.blobs) {
    const sent = given.filter(({ uri }) => uri.endsWith(digest)).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    assert.equal(sent, bytes, digest);
  }
});
