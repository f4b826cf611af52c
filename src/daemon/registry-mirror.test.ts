// The mirror of one daemon without a supernode, in front of a registry that is told what to do wrong.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import { manifestTypes } from "../image/manifest-type.ts";
import { type DoorRequest, HttpDoor } from "../net/http-door.ts";
import { parseDaemonOptions } from "../runtime/config.ts";
import { type TestAnswer, TestOrigin, testContent } from "../testing/test-origin.ts";
import { Daemon } from "./daemon.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const blob = testContent(3_000_001);
const blobPath = `/v2/team/app/blobs/${digestOf(blob)}`;
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }));
const manifestPath = `/v2/team/app/manifests/${digestOf(manifest)}`;
const login = { authorization: "Bearer of-ada" };

let directory: string;
let registry: TestOrigin;
let registryUrl: string;
let daemon: Daemon;
let door: HttpDoor;
/** What the registry has, or does, at each path. */
const site = new Map<string, TestAnswer>();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "mirror-"));
  registry = await TestOrigin.start({ script: (_nth, { url }) => site.get(url) ?? { status: 404 } });
  registryUrl = registry.url("");
  door = new HttpDoor();
  const options = { listen: "127.0.0.1:0", proxy: "127.0.0.1:0", registry: registryUrl };
  daemon = await Daemon.start(parseDaemonOptions({ ...options, socket: join(directory, "s"), dataDir: directory }));
});
afterEach(() => site.clear());
after(async () => {
  await daemon.close();
  await door.close();
  await registry.close();
  await rm(directory, { recursive: true });
});

async function ask(path: string, headers: Readonly<Record<string, string>> = {}, more: DoorRequest = {}) {
  const answer = await door.request(`${daemon.proxyUrl}${path}`, { headers, ...more });
  return { status: answer.status, headers: answer.headers, body: await buffer(answer.body) };
}

function errorOf(body: Buffer): { readonly code: string; readonly message: string } {
  const { errors } = JSON.parse(body.toString());
  assert.equal(errors.length, 1);
  return errors[0];
}

/** A blob that no other test has asked for. */
function freshBlob(seed: number): { readonly bytes: Uint8Array; readonly path: string } {
  const bytes = testContent(700_000, 2 * seed + 1);
  return { bytes, path: `/v2/team/app/blobs/${digestOf(bytes)}` };
}

test("a blob comes with the heads that engines look at, and is read from the registry once", async () => {
  site.set(blobPath, { content: blob });
  const first = await ask(blobPath);
  assert.deepEqual([first.status, first.body], [200, Buffer.from(blob)]);
  const { headers } = first;
  assert.equal(headers["docker-content-digest"], digestOf(blob));
  assert.equal(headers.etag, `"${digestOf(blob)}"`);
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.equal(headers["content-length"], String(blob.length));
  assert.equal(headers["accept-ranges"], "bytes");
  const sent = registry.sentBytes;
  assert.deepEqual((await ask(blobPath)).body, Buffer.from(blob));
  assert.equal(registry.sentBytes - sent, 0);
});

test("ranges of a blob", async () => {
  site.set(blobPath, { content: blob });
  const total = blob.length;
  for (const [range, first, last] of [
    ["bytes=0-0", 0, 0],
    ["bytes=-1", total - 1, total - 1],
    [`bytes=${total - 5}-`, total - 5, total - 1],
    ["bytes=65000-200000", 65_000, 200_000],
  ] as const) {
    const { status, headers, body } = await ask(blobPath, { range });
    assert.deepEqual([status, headers["content-range"]], [206, `bytes ${first}-${last}/${total}`]);
    assert.deepEqual(body, Buffer.from(blob.subarray(first, last + 1)));
    assert.equal(headers["content-length"], String(last - first + 1));
  }
  const beyond = await ask(blobPath, { range: `bytes=${total}-` });
  assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, `bytes */${total}`]);
  assert.equal(beyond.body.length, 0);
  const guarded = await ask(blobPath, { range: "bytes=0-0", "if-range": '"another"' });
  assert.deepEqual([guarded.status, guarded.body.length], [200, total]);
});

test("several ranges of a blob come as parts of one body", async () => {
  site.set(blobPath, { content: blob });
  const total = blob.length;
  const { status, headers, body } = await ask(blobPath, { range: "bytes=65000-200000,-3,0-0,70000-70010,9999999-" });
  assert.deepEqual([status, headers["content-range"]], [206, undefined]);
  assert.equal(headers["content-length"], String(body.length));
  const [, boundary = ""] = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers["content-type"])) ?? [];
  const expected = [
    [65_000, 200_000],
    [total - 3, total - 1],
    [0, 0],
  ].flatMap(([first = 0, last = 0]) => [
    Buffer.from(`\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n`),
    Buffer.from(`content-range: bytes ${first}-${last}/${total}\r\n\r\n`),
    blob.subarray(first, last + 1),
  ]);
  assert.deepEqual(body, Buffer.concat([...expected, Buffer.from(`\r\n--${boundary}--\r\n`)]));
  const none = await ask(blobPath, { range: `bytes=${total}-,-0` });
  assert.deepEqual([none.status, none.headers["content-range"]], [416, `bytes */${total}`]);
});

test("several ranges of a blob that is on its way, and one who leaves between them", async () => {
  const { bytes, path } = freshBlob(41);
  site.set(path, { content: bytes, stallAfterBytes: 300_000 });
  const range = "bytes=200000-200009,600000-600009";
  const leaving = new AbortController();
  const answer = await door.request(`${daemon.proxyUrl}${path}`, { headers: { range }, signal: leaving.signal });
  assert.equal(answer.status, 206);
  answer.body.on("error", () => {});
  for await (const chunk of answer.body) {
    if (Buffer.from(chunk).includes(Buffer.from(bytes.subarray(200_000, 200_010)))) break;
  }
  leaving.abort();
  site.set(path, { content: bytes });
  const { body } = await ask(path, { range });
  for (const at of [200_000, 600_000]) assert.ok(body.includes(Buffer.from(bytes.subarray(at, at + 10))));
});

test("a range of a blob that is on its way comes before the rest, and who leaves ends the download", async () => {
  const { bytes, path } = freshBlob(31);
  site.set(path, { content: bytes, stallAfterBytes: 300_000 });
  const { status, body } = await ask(path, { range: "bytes=100-199" });
  assert.deepEqual([status, body], [206, Buffer.from(bytes.subarray(100, 200))]);
  site.set(path, { content: bytes });
  assert.deepEqual((await ask(path)).body, Buffer.from(bytes));
});

test("a manifest keeps its media type, for HEAD as for GET", async () => {
  site.set(manifestPath, { content: manifest });
  const { status, headers, body } = await ask(manifestPath, { accept: "application/json" });
  assert.deepEqual([status, body], [200, manifest]);
  assert.equal(headers["content-type"], manifestTypes.ociManifest);
  assert.equal(headers["docker-content-digest"], digestOf(manifest));
  const seen = registry.requests.find(({ url }) => url === manifestPath);
  assert.match(String(seen?.headers.accept), /application\/json, .*image\.index/);
  const head = await ask(manifestPath, {}, { method: "HEAD" });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.equal(head.headers["content-type"], manifestTypes.ociManifest);
  assert.equal(head.headers["content-length"], String(manifest.length));
});

test("tags, lists and uploads are the registry's own answers, less what belongs to a connection", async () => {
  const type = "application/vnd.oci.image.index.v1+json";
  const headers = { "content-type": type, "docker-content-digest": "sha256:x", connection: "x-hop", "x-hop": "1" };
  site.set("/v2/team/app/manifests/latest", { content: manifest, headers });
  site.set("/v2/team/app/tags/list?n=1", { content: Buffer.from("{}"), headers: { link: "</next>" } });
  site.set("/v2/team/app/blobs/uploads/?mount=x", { status: 307, headers: { location: "/elsewhere" } });
  const tag = await ask("/v2/team/app/manifests/latest");
  assert.deepEqual([tag.status, tag.body, tag.headers["content-type"]], [200, manifest, type]);
  assert.deepEqual([tag.headers["docker-content-digest"], tag.headers["x-hop"]], ["sha256:x", undefined]);
  const list = await ask("/v2/team/app/tags/list?n=1", login);
  assert.deepEqual([list.status, list.headers.link], [200, "</next>"]);
  assert.equal(registry.requests.at(-1)?.headers.authorization, login.authorization);
  const upload = await ask("/v2/team/app/blobs/uploads/?mount=x", {}, { method: "POST", body: "bytes" });
  assert.deepEqual([upload.status, upload.headers.location], [307, "/elsewhere"]);
  assert.equal(registry.requests.at(-1)?.method, "POST");
});

test("a tag is looked up at the registry each time, and the manifest that it names is read once", async () => {
  const tagged = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
  const headers = { "docker-content-digest": digestOf(tagged), "content-type": manifestTypes.ociIndex };
  site.set("/v2/team/app/manifests/stable", { content: tagged, headers });
  site.set(`/v2/team/app/manifests/${digestOf(tagged)}`, { content: tagged, headers });
  for (const sentBytes of [tagged.length, 0]) {
    const before = registry.sentBytes;
    const { status, headers, body } = await ask("/v2/team/app/manifests/stable");
    assert.deepEqual([status, body, headers["content-type"]], [200, tagged, manifestTypes.ociIndex]);
    assert.equal(registry.sentBytes - before, sentBytes);
  }
  site.set("/v2/team/app/manifests/stable", {
    content: manifest,
    headers: { "docker-content-digest": digestOf(manifest) },
  });
  site.set(manifestPath, { content: manifest });
  assert.deepEqual((await ask("/v2/team/app/manifests/stable")).body, manifest);
});

test("a tag whose manifest the registry makes up for its asker is the registry's own answer", async () => {
  const converted = Buffer.from(JSON.stringify({ schemaVersion: 1 }));
  const headers = { "docker-content-digest": digestOf(converted), "content-type": "application/json" };
  site.set("/v2/team/app/manifests/old", { content: converted, headers });
  const { status, headers: answered, body } = await ask("/v2/team/app/manifests/old");
  assert.deepEqual([status, body, answered["content-type"]], [200, converted, "application/json"]);
});

test("who has the content already is told that it is unchanged, if he may have it", async () => {
  const { bytes, path } = freshBlob(38);
  site.set(path, { content: bytes, requires: ["authorization", login.authorization] });
  const known = { "if-none-match": `"${path.slice(path.indexOf("sha256:"))}"` };
  const { status, body } = await ask(path, { ...known, ...login });
  assert.deepEqual([status, body.length], [304, 0]);
  assert.equal((await ask(path, known)).status, 401);
});

test("containerd's namespace chooses the registry and does not reach it", async () => {
  site.set("/v2/team/app/tags/list?last=a", { content: Buffer.from("{}") });
  const own = new URL(registry.url()).host;
  assert.equal((await ask(`/v2/team/app/tags/list?ns=${own}&last=a`)).status, 200);
  const away = await ask("/v2/team/app/manifests/latest?ns=127.0.0.1:1");
  assert.equal(away.status, 502);
  assert.match(errorOf(away.body).message, /127\.0\.0\.1:1/);
  assert.equal((await ask("/v2/team/app/manifests/latest?ns=a/b")).status, 400);
});

test("what the registry refuses is refused with its status, and 401 says how it wants to be asked", async () => {
  const challenge = `Bearer realm="${registryUrl}/token",service="registry"`;
  const own = `Bearer realm="${daemon.proxyUrl}/dragonfly/token",service="${new URL(registryUrl).host}",scope="repository:team/app:pull"`;
  const { bytes, path } = freshBlob(32);
  const answer = { content: bytes, headers: { "www-authenticate": challenge } };
  site.set(path, { ...answer, requires: ["authorization", login.authorization] });
  const stranger = await ask(path);
  assert.deepEqual([stranger.status, stranger.headers["www-authenticate"]], [401, own]);
  assert.equal(errorOf(stranger.body).code, "UNAUTHORIZED");
  assert.deepEqual((await ask(path, login)).body, Buffer.from(bytes));
  // Held now, and still not for strangers.
  assert.equal((await ask(path)).status, 401);
  assert.equal((await ask(path, { authorization: "Bearer of-eve" })).status, 401);
  for (const [status, code] of [
    [403, "DENIED"],
    [404, "BLOB_UNKNOWN"],
  ] as const) {
    site.set(path, { status });
    const refused = await ask(path, login);
    assert.deepEqual([refused.status, errorOf(refused.body).code], [status, code]);
  }
});

test("a blob that the registry keeps elsewhere is fetched there, without the credentials", async () => {
  const { bytes, path } = freshBlob(39);
  const storage = await TestOrigin.start({ host: "127.0.0.2", content: bytes });
  try {
    site.set(path, { redirectTo: storage.url("/bucket?X-Amz-Signature=1"), status: 307 });
    const { status, headers, body } = await ask(path, login);
    assert.deepEqual([status, headers.location, body], [200, undefined, Buffer.from(bytes)]);
    assert.ok(storage.requests.length > 0);
    for (const { headers } of storage.requests) assert.equal(headers.authorization, undefined);
  } finally {
    await storage.close();
  }
});

test("paths that no registry has are refused here", async () => {
  const before = registry.requests.length;
  for (const [path, status] of [
    ["/v2/Team/manifests/latest", 400],
    ["/v2/team/blobs/sha256:12", 400],
    ["/v1/search", 404],
    ["/", 404],
  ] as const) {
    assert.equal((await ask(path)).status, status, path);
  }
  assert.equal((await ask("/v2/team/app/tags/list", {}, { method: "DELETE" })).status, 404);
  assert.equal(registry.requests.length, before + 1);
});

test("content that is not what its digest says never arrives whole, is not kept, and is asked for anew", async () => {
  const { bytes, path } = freshBlob(33);
  const spoiled = Buffer.from(bytes);
  spoiled.writeUInt8(spoiled.readUInt8(500_000) ^ 1, 500_000);
  const validators = { etag: '"the same"' };
  site.set(path, { ...validators, content: spoiled });
  await assert.rejects(ask(path));
  site.set(path, { ...validators, content: bytes });
  assert.deepEqual((await ask(path)).body, Buffer.from(bytes));

  const other = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [1] }));
  const otherPath = `/v2/team/app/manifests/${digestOf(other)}`;
  site.set(otherPath, { ...validators, content: manifest });
  const refused = await ask(otherPath);
  assert.equal(refused.status, 502);
  assert.match(errorOf(refused.body).message, new RegExp(digestOf(manifest)));
  site.set(otherPath, { ...validators, content: other });
  assert.deepEqual((await ask(otherPath)).body, other);
});

test("a registry that breaks off its blob breaks off the answer", async () => {
  const { bytes, path } = freshBlob(34);
  site.set(path, { content: bytes, announcedLength: bytes.length + 10, ranges: false });
  await assert.rejects(ask(path));
});

test("with the registry away what is held is served to whom it was given, the rest is 502", async () => {
  const [open, closed, absent] = [freshBlob(35), freshBlob(36), freshBlob(37)];
  site.set(open.path, { content: open.bytes });
  site.set(closed.path, { content: closed.bytes, requires: ["authorization", login.authorization] });
  await ask(open.path);
  await ask(closed.path, login);
  await registry.close();
  assert.equal((await ask("/v2/")).status, 200);
  assert.deepEqual((await ask(open.path, login)).body, Buffer.from(open.bytes));
  const head = await ask(open.path, {}, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"]], [200, String(open.bytes.length)]);
  assert.deepEqual((await ask(closed.path, login)).body, Buffer.from(closed.bytes));
  const host = new URL(registryUrl).host;
  const refused = [
    ask(closed.path),
    ask(closed.path, { authorization: "Bearer of-eve" }),
    ask(absent.path, login),
    ask("/v2/team/app/manifests/latest"),
  ];
  for (const { status, body } of await Promise.all(refused)) {
    assert.equal(status, 502);
    assert.ok(errorOf(body).message.includes(host), errorOf(body).message);
  }
});
