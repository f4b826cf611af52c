// Blobs through the mirrors of two daemons and one supernode, from a registry that is told what to do wrong.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import { Daemon, Supernode } from "../index.ts";
import { HttpDoor } from "../net/http-door.ts";
import { type TestAnswer, TestOrigin, testContent } from "../testing/test-origin.ts";

let directory: string;
let registry: TestOrigin;
let supernode: Supernode;
let daemons: readonly Daemon[];
let door: HttpDoor;
let count = 1;
/** What the registry has, or does, at each path, one answer after the other; the last one stays. */
const site = new Map<string, TestAnswer[]>();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "mirrored-"));
  registry = await TestOrigin.start({
    script: (_nth, { url }) => {
      const answers = site.get(url) ?? [url === "/v2/" ? {} : { status: 404 }];
      return answers.length > 1 ? answers.shift() : answers[0];
    },
  });
  supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: join(directory, "supernode") });
  daemons = await Promise.all(["ann", "bob"].map(startDaemon));
  door = new HttpDoor();
});
afterEach(() => site.clear());
after(async () => {
  await door.close();
  await Promise.all(daemons.map((daemon) => daemon.close()));
  await supernode.close();
  await registry.close();
  await rm(directory, { recursive: true });
});

function startDaemon(name: string): Promise<Daemon> {
  return Daemon.start({
    supernode: supernode.url,
    listen: "127.0.0.1:0",
    proxy: "127.0.0.1:0",
    registry: registry.url(""),
    socket: join(directory, `${name}.sock`),
    dataDir: join(directory, name),
  });
}

/** A blob that no other test has asked for. */
function freshBlob(length = 2_000_000) {
  const bytes = testContent(length, count++);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { bytes, in: (repository: string) => `/v2/${repository}/blobs/${digest}` };
}

async function ask(daemon: number, path: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await door.request(`${daemons[daemon]?.proxyUrl}${path}`, { headers });
  return { status: answer.status, body: await buffer(answer.body) };
}

test("a blob in two repositories is sent once, and each repository says who may have it", async () => {
  const blob = freshBlob();
  const requires = ["authorization", "Bearer of-bob"] as const;
  site.set(blob.in("public/base"), [{ content: blob.bytes }]);
  site.set(blob.in("private/app"), [{ content: blob.bytes, requires }]);
  const sent = registry.sentBytes;
  assert.deepEqual(await ask(0, blob.in("public/base")), { status: 200, body: Buffer.from(blob.bytes) });
  const asBob = { authorization: "Bearer of-bob" };
  assert.deepEqual(await ask(1, blob.in("private/app"), asBob), { status: 200, body: Buffer.from(blob.bytes) });
  assert.equal(registry.sentBytes - sent, blob.bytes.length);
  for (const daemon of [0, 1]) {
    assert.equal((await ask(daemon, blob.in("private/app"))).status, 401);
    assert.equal((await ask(daemon, blob.in("absent/app"))).status, 404);
  }
});

test("a blob that was broken on its way is read again, and given whole or not at all", async () => {
  const blob = freshBlob();
  const broken = Uint8Array.from(blob.bytes, (byte, at) => (at === 1_000_000 ? byte ^ 1 : byte));
  site.set(blob.in("team/app"), [
    { content: broken, ranges: false },
    { content: blob.bytes, ranges: false },
  ]);
  const attempts = await Promise.allSettled([0, 1].map((daemon) => ask(daemon, blob.in("team/app"))));
  for (const attempt of attempts) {
    if (attempt.status === "rejected") continue;
    const { status, body } = attempt.value;
    if (status === 200) assert.deepEqual(body, Buffer.from(blob.bytes));
    else assert.match(body.toString(), /DIGEST|broken/);
  }
  for (const daemon of [0, 1]) {
    assert.deepEqual(await ask(daemon, blob.in("team/app")), { status: 200, body: Buffer.from(blob.bytes) });
  }
});

test("a small blob that was broken on its way is read again before its engine sees anything", async () => {
  const bytes = testContent(1000, count++);
  const path = `/v2/team/app/blobs/sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  site.set(path, [{ content: testContent(1000, count++) }, { content: bytes }]);
  assert.deepEqual(await ask(0, path), { status: 200, body: Buffer.from(bytes) });
});

test("a blob that is always broken is refused with the reason, and neither kept nor offered", async () => {
  const path = `/v2/team/app/blobs/sha256:${"5".repeat(64)}`;
  site.set(path, [{ content: testContent(1000, count++) }]);
  for (const daemon of [0, 1]) {
    const { status, body } = await ask(daemon, path);
    assert.equal(status, 502);
    assert.match(body.toString(), /has the digest sha256:[0-9a-f]{64}/);
  }
  const tasks = await door.request(`${supernode.url}/api/v1/tasks`, {});
  assert.doesNotMatch((await buffer(tasks.body)).toString(), /5{64}/);
});

test("a range far ahead of what the supernode has read comes first, and the registry sends every byte once", async () => {
  const blob = freshBlob(40 << 20);
  const path = blob.in("far/app");
  // Beyond the part that begins when the front has come, however late the range is asked for.
  const far = 496 << 16;
  const { script } = registry;
  let goOn = (): void => {};
  const hold = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  // What is neither the front nor waited for does not come before the range is there.
  const soon = (range = ""): boolean => range.startsWith("bytes=0-") || range.startsWith(`bytes=${far}-`);
  registry.script = (_nth, { url, headers }) =>
    url === path ? { content: blob.bytes, ...(soon(headers.range) ? {} : { hold }) } : {};
  const sent = registry.sentBytes;
  try {
    const whole = ask(0, path);
    const range = await ask(1, path, { range: `bytes=${far + 5}-${far + 70_000}` });
    assert.deepEqual(range, { status: 206, body: Buffer.from(blob.bytes.subarray(far + 5, far + 70_001)) });
    assert.ok(registry.sentBytes - sent < blob.bytes.length);
    goOn();
    assert.deepEqual(await whole, { status: 200, body: Buffer.from(blob.bytes) });
    assert.equal(registry.sentBytes - sent, blob.bytes.length);
  } finally {
    goOn();
    registry.script = script;
  }
});
