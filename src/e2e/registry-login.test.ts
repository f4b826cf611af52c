// Registries with logins behind the mirror: a token service that is to be spared, a password over TLS, and private content in the cache.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { nobodysToken } from "../image/registry-login.ts";
import { HttpDoor } from "../net/http-door.ts";
import { Containerd } from "../testing/containerd.ts";
import { type Image, writeImage } from "../testing/image-layout.ts";
import { Podman } from "../testing/podman.ts";
import { ProcessSwarm, type ProcessSwarmOptions } from "../testing/process-swarm.ts";
import { PullClient } from "../testing/pull-client.ts";
import { Registry, skopeo } from "../testing/registry.ts";
import { makeTestAuthority, missingOpenssl, type TestAuthority } from "../testing/test-authority.ts";
import { TokenService } from "../testing/token-service.ts";

const skip = Registry.missing || missingOpenssl();
const secret = "sesame-open-1";
let folder: string;
/** Of the repositories that are named so: one of many layers, and one of two. */
let images: { readonly app: Image; readonly small: Image };
let authority: TestAuthority;
let tokens: TokenService;
let registry: Registry;
let door: HttpDoor;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "dragonfly-login-"));
  const write = (name: string, layers: number): Promise<Image> =>
    writeImage(join(folder, name), {
      layerBytes: Array.from({ length: layers }, (_, nth) => 1024 + 100 * nth),
      architectures: ["amd64"],
    });
  images = { app: await write("app", 40), small: await write("small", 2) };
  authority = makeTestAuthority();
  tokens = await TokenService.start({
    ...authority,
    passwords: { ada: secret, eve: "guess" },
    allows: (user, repository) => user === "ada" || repository.startsWith("public/"),
    delayMs: 300,
  });
  registry = await Registry.start({ tokens: tokens.trusted });
  for (const name of ["public/app", "secret/app", "public/small", "secret/small"]) await push(registry, name);
  // Thousands of requests at once take a slow machine a while, and the last of them has been silent all along.
  door = new HttpDoor({ silenceTimeoutMs: 300_000 });
});
after(async () => {
  if (skip) return;
  await Promise.all([tokens?.close(), registry?.close(), door?.close()]);
  await rm(folder, { recursive: true });
});

function push(to: Registry, name: string): Promise<string> {
  const flags = ["--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", `ada:${secret}`];
  return skopeo("copy", ...flags, `oci:${join(folder, basename(name))}:1`, `docker://${to.host}/${name}:1`);
}

async function mirrorsOf(upstream: string, options: ProcessSwarmOptions = {}): Promise<[ProcessSwarm, string[]]> {
  const own = ["--proxy", "127.0.0.1:0", "--registry", upstream];
  const swarm = await ProcessSwarm.start({ ...options, daemonFlags: [...own, ...(options.daemonFlags ?? [])] });
  return [swarm, swarm.hosts.map(({ daemon }) => /proxy (http:\S+),/.exec(String(daemon?.stdout))?.[1] ?? "")];
}

/** A configuration file of its own for the daemons. */
async function configured(name: string, lines: readonly string[]): Promise<string[]> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join("\n")}\n`);
  return ["--config", path];
}

const clients = (count: number, at: string, login?: string): PullClient[] =>
  Array.from({ length: count }, () => new PullClient({ door, at, login }));

async function pullAll(pullers: readonly PullClient[], repository: string): Promise<void> {
  const read = await Promise.all(pullers.map((client) => client.pull(repository)));
  const { blobs, manifests } = repository.endsWith("app") ? images.app : images.small;
  for (const digests of read) assert.equal(new Set(digests).size, blobs.size + manifests.size);
}

/** How often a token was asked for since, by user and scope. */
function askedSince(first: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { user, scopes } of tokens.requests.slice(first)) {
    const key = `${user} ${scopes.join(" ")}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

test("fifty pulls at once of forty layers ask the token service once for a whole cluster, with and without a login", {
  skip,
}, async () => {
  const [cluster, [one = "", two = ""]] = await mirrorsOf(registry.url(), { hosts: 2 });
  try {
    const first = tokens.requests.length;
    await Promise.all([
      pullAll([...clients(13, one), ...clients(12, two)], "public/app"),
      pullAll([...clients(13, one, `ada:${secret}`), ...clients(12, two, `ada:${secret}`)], "secret/app"),
    ]);
    const asked = askedSince(first);
    assert.equal(asked.get(" repository:public/app:pull"), 1);
    assert.equal(asked.get("ada repository:secret/app:pull"), 1);
    for (const [who, times] of asked) assert.ok(times <= 2, `${who} asked ${times} times`);
    assert.ok(!cluster.logs.includes(secret) && !cluster.logs.includes("eyJ"), "a credential was logged");
  } finally {
    await cluster.close();
  }
});

test("without a supernode a daemon asks at most twice, and a busy token service is asked again when it wishes", {
  skip,
}, async () => {
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { supernode: false });
  try {
    const first = tokens.requests.length;
    tokens.faults.push({ status: 429, headers: { "retry-after": "1" } }, { status: 503 });
    await pullAll(clients(50, mirror), "public/app");
    const asked = tokens.requests.slice(first).map(({ status }) => status);
    assert.deepEqual(asked, [429, 503, 200]);
  } finally {
    await cluster.close();
  }
});

test("private content that is held goes to nobody without rights: 401, and no byte", { skip }, async () => {
  const [cluster, mirrors] = await mirrorsOf(registry.url(), { hosts: 2 });
  const [mirror = "", other = ""] = mirrors;
  try {
    await pullAll(clients(1, mirror, `ada:${secret}`), "secret/small");
    const [digest = ""] = images.small.blobs.keys();
    const path = `/v2/secret/small/blobs/${digest}`;
    const scopes = ["repository:secret/small:pull"];
    // The registry forgives a minute of difference between clocks.
    const expired = tokens.token("ada", scopes, -120);
    for (const at of [mirror, other]) {
      for (const login of [undefined, "ada:wrong", "eve:guess"]) {
        const { status, challenge, body } = await new PullClient({ door, at, login }).get(path);
        assert.equal(status, 401, login);
        assert.match(challenge, new RegExp(`^Bearer realm="${at}/dragonfly/token",service="${registry.host}",scope=`));
        assert.equal(JSON.parse(String(body)).errors[0].code, "UNAUTHORIZED");
      }
      for (const token of [expired, tokens.token("eve", scopes), "made-up", nobodysToken]) {
        const client = new PullClient({ door, at, login: "ada:wrong" });
        client.authorization = `Bearer ${token}`;
        assert.equal((await client.get(path)).status, 401);
      }
    }
    await pullAll(clients(1, other, `ada:${secret}`), "secret/small");
  } finally {
    await cluster.close();
  }
});

test("a token that is renewed is the same right: the registry is not asked again for what it has confirmed", {
  skip,
}, async () => {
  tokens.lifeSeconds = 5;
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { supernodeFlags: ["--freshness", "1h"] });
  try {
    const [first, second] = [1, 2].map(() => new PullClient({ door, at: mirror, login: `ada:${secret}` }));
    assert.ok(first !== undefined && second !== undefined);
    await first.pull("secret/small");
    const seen = (await registry.requests()).length;
    tokens.lifeSeconds = 300;
    do {
      second.authorization = undefined;
      await second.get("/v2/secret/small/tags/list");
    } while (second.authorization === first.authorization);
    await second.pull("secret/small");
    const asked = (await registry.requests()).slice(seen).filter(({ uri }) => uri.includes("sha256:"));
    assert.deepEqual(asked, []);
  } finally {
    tokens.lifeSeconds = 300;
    await cluster.close();
  }
});

test("a registry with its own authority and a password is pulled from with the daemon's configuration alone", {
  skip,
}, async () => {
  const guarded = await Registry.start({ login: `ada:${secret}`, tls: authority });
  await writeFile(join(folder, "ca.pem"), authority.ca);
  await writeFile(join(folder, "password"), `${secret}\n`);
  const entry = [
    "registries:",
    "  - host: members.test",
    `    url: ${guarded.url()}`,
    `    ca: ${join(folder, "ca.pem")}`,
  ];
  const login = ["    username: ada", `    password-file: ${join(folder, "password")}`];
  const flags = await configured("with-login.yaml", [...entry, ...login]);
  const [cluster, [mirror = ""]] = await mirrorsOf("https://members.test", { daemonFlags: flags });
  const [strangers, [stranger = ""]] = await mirrorsOf("https://members.test", {
    supernode: cluster.supernodeUrl,
    daemonFlags: await configured("without-login.yaml", entry),
  });
  try {
    await push(guarded, "team/small");
    await pullAll(clients(10, mirror), "team/small");
    // By the first segment of the name, as engines name it that cannot say it otherwise.
    await pullAll(clients(1, mirror), "members.test/team/small");
    const target = join(folder, "by-skopeo");
    const source = `docker://${new URL(mirror).host}/members.test/team/small:1`;
    await skopeo("copy", "--all", "--src-tls-verify=false", source, `oci:${target}:1`);
    // The one without credentials has the swarm's copy in reach, and may not have it.
    const [digest = ""] = images.small.blobs.keys();
    const refused = await new PullClient({ door, at: stranger }).get(`/v2/team/small/blobs/${digest}`);
    assert.deepEqual([refused.status, refused.challenge], [401, 'Basic realm="members"']);
    const named = `docker://${new URL(stranger).host}/members.test/team/small:1`;
    await skopeo("copy", "--all", "--src-tls-verify=false", "--src-creds", `ada:${secret}`, named, `oci:${target}2:1`);
    await assert.rejects(
      skopeo("copy", "--all", "--src-tls-verify=false", "--src-creds", "ada:wrong", named, `oci:${target}3:1`),
      /unauthorized|authentication required/i,
    );
    const sent = (await guarded.requests()).filter(({ uri, status }) => uri.includes(digest) && status === 206);
    assert.equal(sent.length, 1);
    for (const { logs } of [cluster, strangers]) assert.ok(!logs.includes(secret));
  } finally {
    await strangers.close();
    await Promise.all([cluster.close(), guarded.close()]);
  }
});

test("engines without any login log in nowhere, those with one reach private repositories by the registry's name", {
  skip,
}, async () => {
  const flags = await configured("named.yaml", ["registries:", `  - {host: tokens.test, url: "${registry.url()}"}`]);
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url(), { daemonFlags: flags });
  try {
    const at = `docker://${new URL(mirror).host}/tokens.test`;
    const pull = (name: string, ...flags: readonly string[]): Promise<string> =>
      skopeo("copy", "--all", "--src-tls-verify=false", ...flags, `${at}/${name}:1`, `oci:${join(folder, "named")}:1`);
    await pull("public/small");
    await assert.rejects(pull("secret/small"), /unauthorized|authentication required/i);
    await pull("secret/small", "--src-creds", `ada:${secret}`);
  } finally {
    await cluster.close();
  }
});

test("podman and containerd get their tokens through the mirror, and the blobs", {
  skip: skip || Podman.missing || Containerd.missing,
}, async () => {
  // The shortest of folders: containerd's sockets have long names.
  const own = await mkdtemp(join(tmpdir(), "dfl-"));
  const [cluster, [mirror = ""]] = await mirrorsOf(registry.url());
  const containerd = await Containerd.start({ folder: join(own, "c"), registry: registry.host, mirror });
  try {
    const podman = await Podman.make({
      folder: join(own, "p"),
      registry: registry.host,
      mirror: new URL(mirror).host,
    });
    const [seen, asked] = [(await registry.requests()).length, tokens.requests.length];
    const login = `ada:${secret}`;
    await podman.pull(`${registry.host}/public/small:1`);
    // What --creds names goes to the registry alone; a mirror's login is its own.
    const auths = (password: string) => ({
      [new URL(mirror).host]: { auth: Buffer.from(password).toString("base64") },
    });
    const authFile = join(own, "auth.json");
    await writeFile(authFile, JSON.stringify({ auths: auths(login) }));
    await podman.pull(`${registry.host}/secret/small:1`, "--authfile", authFile);
    await containerd.pull(`${registry.host}/public/small:1`);
    await containerd.pull(`${registry.host}/secret/small:1`, "--user", login);
    const reads = (await registry.requests()).slice(seen).filter(({ uri }) => uri.includes("/blobs/"));
    assert.deepEqual([...new Set(reads.map(({ agent }) => agent))], ["dragonfly"]);
    for (const [who, times] of askedSince(asked)) assert.ok(times <= 1, `${who} asked ${times} times`);
    await writeFile(authFile, JSON.stringify({ auths: auths("ada:wrong") }));
    await assert.rejects(podman.pull(`${registry.host}/secret/small:1`, "--authfile", authFile));
  } finally {
    await Promise.all([containerd.close(), cluster.close()]);
    await rm(own, { recursive: true });
  }
});
