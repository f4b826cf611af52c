// Preheats at a real supernode with a real origin; the hosts are played.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseSupernodeOptions } from "../runtime/config.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import {
  makeTestCertificate,
  type TestAnswer,
  TestOrigin,
  type TestOriginOptions,
  testContent,
} from "../testing/test-origin.ts";
import { Supernode } from "./supernode.ts";

const content = testContent(300_000);
type Json = Record<string, unknown>;

async function stage(t: TestContext, answer: TestOriginOptions = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-preheats-"));
  const origin = await TestOrigin.start({ content, ...answer });
  const supernode = await Supernode.start(parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir, freshness: "1h" }));
  t.after(async () => {
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  const ask = async (method: string, path: string, body?: unknown) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(`${supernode.url}/api/v1${path}`, { method, headers, ...sent });
    const text = await response.text();
    const { status } = response;
    return { status, type: response.headers.get("content-type"), body: text === "" ? {} : (JSON.parse(text) as Json) };
  };
  return {
    origin,
    ask,
    join: (name: string) => ScriptedDaemon.join(supernode.url, name),
    preheat: async (body: Json): Promise<string> => String((await ask("POST", "/preheats", body)).body.id),
    over: async (id: string): Promise<Json> => {
      for (;;) {
        const { body } = await ask("GET", `/preheats/${id}`);
        if (body.state !== "waiting" && body.state !== "running") return body;
      }
    },
    tasks: async () => (await ask("GET", "/tasks")).body.tasks as readonly Json[],
  };
}

function onlyChild(preheat: Json): Json {
  const [child, ...others] = preheat.children as readonly Json[];
  assert.deepEqual(others, []);
  return child ?? {};
}

test("hosts are told what to fetch, with its length and credentials, and their word ends it", async (t) => {
  const { origin, join, preheat, over } = await stage(t);
  const [one, two] = await Promise.all([join("1"), join("2")]);
  const headers = { Authorization: "Bearer x" };
  const id = await preheat({ type: "file", url: origin.url("/a"), to: "all", headers, tag: "t", filter: ["sign"] });
  const orders = await Promise.all([one.hears("serve"), two.hears("serve")]);
  for (const { url, length, tag, filter, headers: told } of orders) {
    const expected = [origin.url("/a"), content.length, "t", ["sign"], headers];
    assert.deepEqual([url, length, tag, filter, told], expected);
  }
  one.send({ type: "served", order: orders[0]?.order ?? 0, bytes: content.length });
  two.send({ type: "serving", orders: [{ order: orders[1]?.order ?? 0, bytes: 1000 }] });
  two.send({ type: "served", order: orders[1]?.order ?? 0, bytes: content.length });
  const done = await over(id);
  assert.deepEqual([done.state, done.hosts, done.bytes, done.totalBytes], ["done", 2, 900_000, 900_000]);
  const { seed, hosts, failures } = onlyChild(done);
  assert.deepEqual(seed, { state: "done", bytes: 300_000, attempts: 1 });
  assert.deepEqual(hosts, { waiting: 0, running: 0, done: 2, failed: 0, cancelled: 0 });
  assert.deepEqual(failures, []);
});

test("a host that fails for a while is told again; one that refuses for good is not", async (t) => {
  const { origin, join, preheat, over } = await stage(t);
  const [one, two] = await Promise.all([join("1"), join("2")]);
  const id = await preheat({ type: "file", url: origin.url("/a"), to: "all" });
  const [first, other] = await Promise.all([one.hears("serve"), two.hears("serve")]);
  const busy = { code: "overloaded", blame: "self", message: "later" } as const;
  const full = { code: "no-space", blame: "self", message: "the quota is full" } as const;
  one.send({ type: "served", order: first.order, bytes: 0, error: busy });
  two.send({ type: "served", order: other.order, bytes: 0, error: full });
  const second = await one.hears("serve", ({ order }) => order !== first.order);
  one.send({ type: "served", order: second.order, bytes: content.length });
  const failed = await over(id);
  assert.equal(failed.state, "failed");
  assert.deepEqual(failed.error, { ...full, message: `host ${two.host}: the quota is full` });
  assert.deepEqual(onlyChild(failed).failures, [{ host: two.host, attempts: 1, error: full }]);
  assert.equal(two.heard.filter(({ type }) => type === "serve").length, 1);
});

test("a host cannot answer for another", async (t) => {
  const { origin, join, preheat, over, ask } = await stage(t);
  const [one, two] = await Promise.all([join("1"), join("2")]);
  const id = await preheat({ type: "file", url: origin.url("/a"), to: "all" });
  const [first, second] = await Promise.all([one.hears("serve"), two.hears("serve")]);
  one.send({ type: "served", order: second.order, bytes: 7 });
  one.send({ type: "served", order: first.order, bytes: content.length });
  let hosts: Json = {};
  while (hosts.done !== 1) hosts = (onlyChild((await ask("GET", `/preheats/${id}`)).body).hosts ?? {}) as Json;
  assert.equal(hosts.running, 1);
  two.send({ type: "served", order: second.order, bytes: content.length });
  assert.equal((await over(id)).state, "done");
});

test("a host that leaves in the midst is told again when it is back", async (t) => {
  const { origin, join, preheat, over } = await stage(t);
  const before = await join("1");
  const id = await preheat({ type: "file", url: origin.url("/a"), to: "all" });
  const { order: lost } = await before.hears("serve");
  before.leave();
  await before.closed();
  const back = await join("1");
  const { order } = await back.hears("serve");
  assert.notEqual(order, lost);
  back.send({ type: "served", order, bytes: content.length });
  const done = await over(id);
  assert.equal(done.state, "done");
  assert.deepEqual(onlyChild(done).failures, []);
});

test("a cancelled preheat tells its hosts, waits for their word, and stops the reading that nobody wants", async (t) => {
  const { origin, join, preheat, over, ask, tasks } = await stage(t, { rateBytesPerSecond: 50_000, ranges: false });
  const host = await join("1");
  const id = await preheat({ type: "file", url: origin.url("/a"), to: "all" });
  const { order } = await host.hears("serve");
  assert.equal((await ask("DELETE", `/preheats/${id}`)).status, 204);
  assert.equal((await host.hears("serve-cancelled")).order, order);
  assert.equal((await ask("GET", `/preheats/${id}`)).body.state, "running");
  const error = { code: "interrupted", blame: "caller", message: "cancelled" } as const;
  host.send({ type: "served", order, bytes: 0, error });
  assert.equal((await over(id)).state, "cancelled");
  assert.deepEqual(await tasks(), []);
  while (origin.serving > 0) await new Promise((resolve) => setImmediate(resolve));
  // What is wanted again is read on.
  const again = await preheat({ type: "file", url: origin.url("/a") });
  assert.equal((await over(again)).state, "done");
});

test("a cancelled preheat does not stop what another preheat or a host still wants", async (t) => {
  const { origin, join, preheat, over, ask } = await stage(t, { rateBytesPerSecond: 400_000, ranges: false });
  const [first, second] = [
    await preheat({ type: "file", url: origin.url("/a") }),
    await preheat({ type: "file", url: origin.url("/a") }),
  ];
  while (((await ask("GET", "/tasks")).body.tasks as unknown[]).length === 0);
  await ask("DELETE", `/preheats/${first}`);
  assert.equal((await over(first)).state, "cancelled");
  assert.equal((await over(second)).state, "done");
  const host = await join("1");
  const third = await preheat({ type: "file", url: origin.url("/b") });
  host.register(1, origin.url("/b"));
  await host.hears("task");
  await ask("DELETE", `/preheats/${third}`);
  await host.hears("manifest", ({ manifest }) => manifest.seal !== undefined);
  assert.equal(origin.requests.length, 2);
});

const config = Buffer.from("{}");
const layer = testContent(200_000, 7);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: described(config),
    layers: [described(layer)],
  }),
);

function described(bytes: Uint8Array) {
  return { mediaType: "x", digest: digestOf(bytes), size: bytes.length };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** What a registry of one image answers at this path. */
function fromRegistry(url: string): TestAnswer {
  if (url.includes("/manifests/")) {
    return { content: manifest, headers: { "docker-content-digest": digestOf(manifest) } };
  }
  return { content: url.endsWith(digestOf(config)) ? config : layer, ranges: false };
}

test("what has the wrong digest is not kept, and read again", async (t) => {
  let spoiled = 1;
  const { origin, preheat, over } = await stage(t, {
    script: (_nth, { url }) => {
      const isSpoiled = url.endsWith(digestOf(layer)) && spoiled-- > 0;
      return { ...fromRegistry(url), ...(isSpoiled ? { content: testContent(200_000, 8) } : {}) };
    },
  });
  const url = `oci://127.0.0.1:${origin.port}/team/app:1`;
  const done = await over(await preheat({ type: "image", url, plainHttp: true }));
  assert.equal(done.state, "done");
  const children = done.children as readonly { readonly digest: string; readonly seed: Json }[];
  assert.deepEqual(
    children.map(({ seed }) => seed.attempts),
    [1, 1, 2],
  );
});

test("a token that the registry does not take any more is replaced, and every host is told the new one", async (t) => {
  let tokens = 0;
  let leastToken = 1;
  const { origin, join, preheat, over } = await stage(t, {
    script: (_nth, { url, headers: { authorization = "", host } }) => {
      if (url.startsWith("/token")) {
        tokens++;
        return { content: Buffer.from(JSON.stringify({ token: `secret${tokens}`, expires_in: 3600 })) };
      }
      // From the first blob on the first token is void.
      if (url.includes("/blobs/")) leastToken = 2;
      const token = Number(/^Bearer secret(\d+)$/.exec(authorization)?.[1] ?? 0);
      if (token >= leastToken) return fromRegistry(url);
      const challenge = `Bearer realm="http://${host}/token",service="shelf"`;
      // Sooner than this a new token is not replaced.
      return { status: 401, headers: { "www-authenticate": challenge, "retry-after": "5" } };
    },
  });
  const host = await join("1");
  const url = `oci://127.0.0.1:${origin.port}/team/app:1`;
  const login = { username: "ada", password: "sesame" };
  const id = await preheat({ type: "image", url, plainHttp: true, to: "all", ...login });
  for (const bytes of [manifest, config, layer]) {
    const { order, headers } = await host.hears("serve", (one) => one.contentDigest === digestOf(bytes));
    assert.match(headers.authorization ?? "", bytes === manifest ? /^Bearer secret\d$/ : /^Bearer secret[2-9]$/);
    host.send({ type: "served", order, bytes: bytes.length });
  }
  const done = await over(id);
  assert.equal(done.state, "done");
  assert.doesNotMatch(JSON.stringify(done), /secret|sesame/);
});

test("preheats wait their turn, and too many are refused", async (t) => {
  const { origin, ask, preheat, over } = await stage(t, { stallAfterBytes: -1 });
  const ids: string[] = [];
  for (let nth = 0; nth < 8 + 64; nth++) ids.push(await preheat({ type: "file", url: origin.url(`/${nth}`) }));
  const refused = await ask("POST", "/preheats", { type: "file", url: origin.url("/more") });
  assert.deepEqual([refused.status, refused.body.code], [503, "overloaded"]);
  const { preheats } = (await ask("GET", "/preheats")).body as { readonly preheats: readonly Json[] };
  assert.deepEqual(
    preheats.map(({ id }) => id),
    [...ids].reverse(),
  );
  assert.equal(preheats.filter(({ state }) => state === "running").length, 8);
  for (const id of [...ids].reverse()) await ask("DELETE", `/preheats/${id}`);
  for (const id of ids) assert.equal((await over(id)).state, "cancelled");
  assert.ok(origin.requests.length <= 8, "those that waited never asked the origin");
  origin.answer = { content };
  assert.equal((await over(await preheat({ type: "file", url: origin.url("/after") }))).state, "done");
});

test("without a host there is nobody to preheat", async (t) => {
  const { origin, preheat, over } = await stage(t);
  const { state, error } = await over(await preheat({ type: "file", url: origin.url("/a"), to: "50%" }));
  assert.equal(state, "failed");
  assert.deepEqual((error as Json).code, "not-found");
  assert.equal(origin.requests.length, 0);
});

test("what is not understood is refused, without its secrets", async (t) => {
  const { ask } = await stage(t);
  const file = { type: "file", url: "http://127.0.0.1:1/a" };
  const image = { type: "image", url: "oci://nginx" };
  const table: readonly (readonly [unknown, RegExp])[] = [
    [[], /./],
    [{ ...file, type: "folder" }, /type/],
    [{ type: "file" }, /url/],
    [{ ...file, url: "nothing" }, /not a URL/],
    [{ ...file, url: "ftp://h/a" }, /scheme/],
    [{ ...file, to: "most" }, /none of seeds, all or PERCENT%/],
    [{ ...file, platforms: ["linux/amd64"] }, /platforms/],
    [{ ...file, headers: { a: "sesame\r\nb: c" } }, /headers/],
    [{ ...file, headers: { Range: "bytes=0-1" } }, /headers/],
    [{ ...file, username: "ada" }, /belong together/],
    [{ ...file, username: "ada", password: "sesame", headers: { authorization: "sesame" } }, /contradict/],
    [{ ...file, username: "ada:sesame", password: "x" }, /username/],
    [{ ...image, url: "oci://ada:sesame@h/x" }, /password/],
    [{ ...image, platforms: ["linux"] }, /not a platform/],
    [{ ...image, headers: { a: "b" } }, /headers/],
    [{ ...image, sesame: 1 }, /./],
  ];
  for (const [body, says] of table) {
    const answer = await ask("POST", "/preheats", body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(String(answer.type), /^application\/problem\+json/);
    assert.match(String(answer.body.code), /^(?:bad-usage|unsupported-scheme)$/);
    assert.match(String(answer.body.detail), says);
    if (JSON.stringify(body).includes('"sesame"') && !("sesame" in (body as Json))) {
      assert.doesNotMatch(JSON.stringify(answer.body), /sesame/);
    }
  }
  for (const method of ["GET", "DELETE"]) {
    const answer = await ask(method, `/preheats/${"0".repeat(32)}`);
    assert.deepEqual([answer.status, answer.body.code], [404, "not-found"]);
  }
});

const tls = makeTestCertificate();

test("a registry's path, certificate authority and password are the configuration's", {
  skip: tls === undefined && "openssl is not installed",
}, async (t) => {
  assert.ok(tls);
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-preheats-"));
  const passwordFile = join(folder, "password");
  const ca = join(folder, "ca.pem");
  await Promise.all([writeFile(passwordFile, "sesame\n"), writeFile(ca, tls.cert)]);
  const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const config = Buffer.from("{}");
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: 2 },
      layers: [],
    }),
  );
  const site = new Map<string, TestAnswer>([
    ["/v2/hub/team/app/manifests/1", { content: manifest, headers: { "docker-content-digest": digestOf(manifest) } }],
    [`/v2/hub/team/app/manifests/${digestOf(manifest)}`, { content: manifest }],
    [`/v2/hub/team/app/blobs/${digestOf(config)}`, { content: config }],
  ]);
  const basic = `Basic ${Buffer.from("ada:sesame").toString("base64")}`;
  const challenge = { status: 401, headers: { "www-authenticate": 'Basic realm="members"' } };
  const origin = await TestOrigin.start({
    tls,
    script: (_nth, { url, headers }) =>
      headers.authorization === basic ? (site.get(url) ?? { status: 404 }) : challenge,
  });
  const options = { listen: "127.0.0.1:0", dataDir: join(folder, "data"), freshness: "1h" };
  const url = `https://localhost:${origin.port}/v2/hub`;
  const registries = [{ host: "r.example", url, ca, username: "ada", passwordFile }];
  const supernode = await Supernode.start(parseSupernodeOptions({ ...options, registries }));
  const daemon = await ScriptedDaemon.join(supernode.url, "1");
  t.after(async () => {
    await supernode.close();
    await origin.close();
    await rm(folder, { recursive: true });
  });
  const sent = await fetch(`${supernode.url}/api/v1/preheats`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "image", url: "oci://r.example/team/app:1", to: "all" }),
  });
  assert.equal(sent.status, 202);
  for (const bytes of [manifest, config]) {
    const order = await daemon.hears("serve", (one) => one.contentDigest === digestOf(bytes));
    assert.ok(order.url.startsWith(`https://localhost:${origin.port}/v2/hub/team/app/`));
    assert.deepEqual([order.ca, order.headers.authorization], [tls.cert, basic]);
  }
});
