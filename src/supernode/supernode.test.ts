// The supernode in dialogue with daemons that the test plays, over the real control channel and a real origin.

import assert from "node:assert/strict";
import { createHash, createPublicKey } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { VersionId } from "../core/ids.ts";
import { parseSupernodeOptions } from "../runtime/config.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { TestOrigin, type TestOriginOptions, testContent } from "../testing/test-origin.ts";
import { Manifest } from "../wire/manifest.ts";
import { Supernode } from "./supernode.ts";

const content = testContent(300_000);

async function stage(t: TestContext, answer: TestOriginOptions = {}, freshness = "1m") {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-supernode-"));
  const origin = await TestOrigin.start({ content, ...answer });
  const start = () => Supernode.start(parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir, freshness }));
  let supernode = await start();
  t.after(async () => {
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  return {
    origin,
    url: () => supernode.url,
    join: (name: string) => ScriptedDaemon.join(supernode.url, name),
    restart: async () => {
      await supernode.close();
      supernode = await start();
    },
    get: async (path: string) => {
      const response = await fetch(`${supernode.url}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
  };
}

test("a registered daemon gets the version, a signed manifest of all pieces, and its end", async (t) => {
  const { origin, join } = await stage(t);
  const daemon = await join("1");
  const welcome = await daemon.hears("welcome");
  daemon.register(1, origin.url("/a"));
  const task = await daemon.hears("task");
  assert.equal(task.length, content.length);
  const manifest = new Manifest(task.version, task.pieceLength);
  const key = createPublicKey({ key: Buffer.from(welcome.key, "base64"), format: "der", type: "spki" });
  if (task.manifest.batch) manifest.accept(task.manifest.batch, key);
  if (task.manifest.seal === undefined) await daemon.hears("manifest", (news) => news.manifest.seal !== undefined);
  for (const message of daemon.heard) {
    if (message.type !== "manifest") continue;
    if (message.manifest.batch) manifest.accept(message.manifest.batch, key);
    if (message.manifest.seal !== undefined) manifest.acceptSeal(message.manifest.seal, key);
  }
  if (task.manifest.seal !== undefined) manifest.acceptSeal(task.manifest.seal, key);
  assert.equal(manifest.known.count, Math.ceil(content.length / task.pieceLength));
  assert.deepEqual(manifest.end, {
    length: content.length,
    digest: createHash("sha256").update(content).digest("hex"),
  });
  for (const piece of manifest.known) {
    const bytes = content.subarray(piece * task.pieceLength, (piece + 1) * task.pieceLength);
    assert.deepEqual(Buffer.from(manifest.digestOf(piece) ?? []), createHash("sha256").update(bytes).digest());
  }
});

test("however many daemons ask at once, the origin is asked once and each is introduced to the others", async (t) => {
  const { origin, join } = await stage(t);
  const daemons = await Promise.all(["1", "2", "3", "4"].map(join));
  for (const daemon of daemons) daemon.register(1, origin.url("/a"));
  const tasks = await Promise.all(daemons.map((daemon) => daemon.hears("task")));
  assert.equal(new Set(tasks.map(({ version }) => version)).size, 1);
  const last = daemons.at(-1);
  assert.ok(last);
  const introduced = new Set(tasks.at(-1)?.neighbours.map(({ id }) => id));
  assert.deepEqual(introduced, new Set(daemons.slice(0, -1).map(({ host }) => host)));
  for (const other of daemons.slice(0, -1)) {
    await other.hears("neighbours", (news) => news.neighbours.some(({ id }) => id === last.host));
  }
  assert.equal(origin.requests.length, 1);
  assert.equal(origin.sentBytes, content.length);
});

test("what was fetched with credentials is given to nobody whom the origin refuses", async (t) => {
  const { origin, join } = await stage(t, { requires: ["authorization", "Bearer good"] });
  const [friend, stranger, thief] = await Promise.all(["1", "2", "3"].map(join));
  assert.ok(friend && stranger && thief);
  friend.register(1, origin.url("/a"), { Authorization: "Bearer good" });
  const { version } = await friend.hears("task");
  stranger.register(1, origin.url("/a"));
  thief.register(1, origin.url("/a"), { Authorization: "Bearer guessed" });
  for (const daemon of [stranger, thief]) {
    const { error } = await daemon.hears("refused");
    assert.equal(error.code, "origin-refused");
    assert.equal(error.originStatus, 401);
  }
  friend.register(2, origin.url("/a"), { Authorization: "Bearer good" });
  assert.equal((await friend.hears("task", ({ request }) => request === 2)).version, version);
});

test("content that has changed is another version", async (t) => {
  const { origin, join } = await stage(t, { etag: '"one"' }, "1ms");
  const daemon = await join("1");
  daemon.register(1, origin.url("/a"));
  const first = await daemon.hears("task");
  await daemon.hears("manifest", (news) => news.manifest.seal !== undefined);
  origin.answer = { content: testContent(300_000, 2), etag: '"two"' };
  daemon.register(2, origin.url("/a"));
  const second = await daemon.hears("task", ({ request }) => request === 2);
  assert.equal(second.task, first.task);
  assert.notEqual(second.version, first.version);
});

test("after a restart held content is confirmed by one conditional request and not read again", async (t) => {
  const { origin, join, restart } = await stage(t, { etag: '"one"' });
  const before = await join("1");
  before.register(1, origin.url("/a"));
  const { version } = await before.hears("task");
  await before.hears("manifest", (news) => news.manifest.seal !== undefined);
  await restart();
  const after = await join("1");
  after.register(1, origin.url("/a"));
  const task = await after.hears("task");
  assert.equal(task.version, version);
  assert.ok(task.manifest.seal);
  assert.deepEqual(
    origin.requests.map(({ status }) => status),
    [206, 304],
  );
});

test("an origin that fails midway ends the downloads of all, with its own blame", async (t) => {
  const { origin, join } = await stage(t, { announcedLength: 400_000, ranges: false });
  const daemon = await join("1");
  daemon.register(1, origin.url("/a"));
  await daemon.hears("task");
  const { error } = await daemon.hears("abandoned");
  assert.equal(error.blame, "origin");
});

test("a daemon that leaves is dropped by its neighbours", async (t) => {
  const { origin, join } = await stage(t);
  const [one, two] = await Promise.all(["1", "2"].map(join));
  assert.ok(one && two);
  for (const daemon of [one, two]) daemon.register(1, origin.url("/a"));
  await Promise.all([one.hears("task"), two.hears("task")]);
  two.leave();
  const drop = await one.hears("drop");
  assert.equal(drop.neighbour, two.host);
});

test("a daemon that does not speak the protocol loses its channel and nobody else's", async (t) => {
  const { origin, join } = await stage(t);
  const [one, two] = await Promise.all(["1", "2"].map(join));
  assert.ok(one && two);
  two.send({ type: "leave", version: "no such id" } as never);
  await two.closed();
  one.register(1, origin.url("/a"));
  await one.hears("task");
});

test("two hosts' reports isolate a third, the operator releases it", async (t) => {
  const { origin, join, get, url } = await stage(t);
  const [one, two, three] = await Promise.all(["1", "2", "3"].map(join));
  assert.ok(one && two && three);
  for (const daemon of [one, two, three]) daemon.register(1, origin.url("/a"));
  const { version } = await one.hears("task");
  await Promise.all([two.hears("task"), three.hears("task")]);
  const strike = { type: "piece-failed", version, piece: 0, from: three.host, reason: "corrupt" } as const;
  one.send(strike);
  one.send(strike);
  two.send(strike);
  await one.hears("drop", ({ neighbour, reason }) => neighbour === three.host && reason === "isolated");
  const isolated = async () => {
    const { body } = await get("/api/v1/hosts");
    const hosts = body.hosts as readonly { readonly id: string; readonly isolated: boolean }[];
    return hosts.filter((host) => host.isolated).map(({ id }) => id);
  };
  assert.deepEqual(await isolated(), [three.host]);
  await fetch(`${url()}/api/v1/hosts/${three.host}/release`, { method: "POST" });
  assert.deepEqual(await isolated(), []);
});

test("the API tells tasks without credentials, and forgets them when told", async (t) => {
  const { origin, join, get, url } = await stage(t);
  const daemon = await join("1");
  daemon.register(1, origin.url("/a").replace("http://", "http://user:secret@"));
  const { task } = await daemon.hears("task");
  const { status, body } = await get(`/api/v1/tasks/${task}`);
  assert.equal(status, 200);
  assert.equal(body.url, origin.url("/a"));
  assert.doesNotMatch(JSON.stringify(body), /secret/);
  assert.equal((await fetch(`${url()}/api/v1/tasks/${task}`, { method: "DELETE" })).status, 204);
  const gone = await get(`/api/v1/tasks/${task}`);
  assert.equal(gone.status, 404);
  assert.equal(gone.body.code, "not-found");
});

test("health, readiness and metrics answer", async (t) => {
  const { url, get } = await stage(t);
  assert.deepEqual((await get("/healthz")).body, { status: "ok" });
  assert.deepEqual((await get("/readyz")).body, { status: "ready" });
  const metrics = await (await fetch(`${url()}/metrics`)).text();
  assert.match(metrics, /^dragonfly_supernode_hosts 0$/m);
});

test("content that is removed while the origin says that it is unchanged is read anew", async (t) => {
  const { origin, url, join } = await stage(t, {}, "1ms");
  const [one, two] = [await join("1"), await join("2")];
  one.register(1, origin.url("/a"));
  const { task, manifest } = await one.hears("task");
  if (manifest.seal === undefined) await one.hears("manifest", (news) => news.manifest.seal !== undefined);
  const { sentBytes } = origin;
  let letGo: () => void = () => {};
  const hold = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await new Promise<void>((asked) => {
    origin.script = () => {
      asked();
      return { hold };
    };
    two.register(1, origin.url("/a"));
  });
  await fetch(`${url()}/api/v1/tasks/${task}`, { method: "DELETE" });
  letGo();
  await two.hears("task");
  while (origin.sentBytes < sentBytes + content.length) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("a host is told which of its versions neither the supernode nor another host holds whole", async (t) => {
  const { origin, join } = await stage(t);
  const [one, other] = await Promise.all([join("1"), join("2")]);
  one.register(1, origin.url("/seeded"));
  const { task, version: seeded, manifest } = await one.hears("task");
  if (manifest.seal === undefined) await one.hears("manifest", (news) => news.manifest.seal !== undefined);
  const [shared, partial, alone, unknown] = ["a", "b", "c", "d"].map((digit) => digit.repeat(64) as VersionId);
  assert.ok(shared && partial && alone && unknown);
  const held = (version: VersionId, complete = true) => ({ task, version, complete });
  one.send({ type: "holdings", holdings: [held(shared), held(partial), held(alone)] });
  other.send({ type: "holdings", holdings: [held(shared), held(partial, false)] });
  other.send({ type: "last-copies", request: 1, versions: [] });
  await other.hears("last-copies");
  one.send({ type: "last-copies", request: 2, versions: [seeded, shared, partial, alone, unknown] });
  assert.deepEqual((await one.hears("last-copies")).versions, [partial, alone, unknown]);
  other.send({ type: "leave", version: shared });
  other.send({ type: "last-copies", request: 3, versions: [shared] });
  // Its own copy is gone; the first host's is another's.
  assert.deepEqual((await other.hears("last-copies", ({ request }) => request === 3)).versions, []);
  one.send({ type: "last-copies", request: 4, versions: [shared] });
  assert.deepEqual((await one.hears("last-copies", ({ request }) => request === 4)).versions, [shared]);
});
