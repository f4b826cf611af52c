// Whom a host and the seed give a version's pieces to.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { HostId, VersionId } from "../core/ids.ts";
import { Daemon, download, Supernode } from "../index.ts";
import type { PieceLink } from "../net/piece-link.ts";
import { dial, HeardChannel, until } from "../testing/piece-rig.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const stranger = "d".repeat(32) as HostId;
let folder: string;
let origin: TestOrigin;
let supernode: Supernode;
let daemon: Daemon;
let version: VersionId;
const links: PieceLink[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "acquaintances-"));
  origin = await TestOrigin.start({ content: testContent(300_000) });
  supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: join(folder, "supernode") });
  const own = { socket: join(folder, "d.sock"), dataDir: join(folder, "daemon") };
  daemon = await Daemon.start({ supernode: supernode.url, listen: "127.0.0.1:0", proxy: "off", ...own });
  await download(origin.url("/f"), { daemon, output: join(folder, "out") });
  const { tasks } = (await (await fetch(`${supernode.url}/api/v1/tasks`)).json()) as {
    tasks: [{ version: VersionId }];
  };
  version = tasks[0].version;
});
after(async () => {
  for (const link of links) link.close();
  await daemon.close();
  await supernode.close();
  await origin.close();
  await rm(folder, { recursive: true });
});

async function linkTo(url: string): Promise<PieceLink> {
  const link = await dial(new URL(url).host, { hostId: stranger });
  links.push(link);
  return link;
}

/** The code of a refusal, or the channel when it was opened. */
async function open(link: PieceLink, of = version): Promise<string | HeardChannel> {
  const heard = new HeardChannel();
  link.open(of, heard);
  await until(() => heard.count("refused") + heard.count("bitmap") > 0);
  return heard.count("refused") > 0 ? (await heard.next("refused")).error.code : heard;
}

test("a host gets nothing before it was introduced, all after, and nothing once it is dropped", async () => {
  const [seed, host] = [await linkTo(supernode.url), await linkTo(daemon.piecesUrl)];
  assert.deepEqual([await open(seed), await open(host)], ["not-allowed", "not-allowed"]);

  const scripted = await ScriptedDaemon.join(supernode.url, "d");
  const holding = { task: "e".repeat(64), version, complete: false };
  scripted.send({ type: "holdings", holdings: [holding as never] });
  scripted.send({ type: "more-neighbours", version, count: 8 });
  scripted.register(1, origin.url("/other"));
  await scripted.hears("task");
  assert.deepEqual(
    [await open(seed), await open(host)],
    ["not-allowed", "not-allowed"],
    "to say that it holds it is not enough",
  );

  scripted.register(2, origin.url("/f"));
  const { neighbours } = await scripted.hears("task", (task) => task.version === version);
  assert.equal(neighbours.length, 1);
  assert.ok((await open(seed)) instanceof HeardChannel);
  let opened = await open(host);
  // The daemon hears of it a moment later than the newcomer.
  while (opened === "not-allowed") opened = await open(host);
  assert.ok(opened instanceof HeardChannel);

  scripted.leave();
  assert.equal((await opened.next("refused")).error.code, "not-allowed");
  assert.equal(await open(host), "not-allowed");
});

test("what a login brought from a registry is given to nobody who was not introduced", async (t) => {
  const content = testContent(100_000);
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  const authorization = `Basic ${Buffer.from("ada:sesame").toString("base64")}`;
  const registry = await TestOrigin.start({
    script: (_nth, { headers }) =>
      headers.authorization === authorization
        ? { content }
        : { status: 401, headers: { "www-authenticate": 'Basic realm="members"' } },
  });
  const own = { socket: join(folder, "m.sock"), dataDir: join(folder, "mirror"), registry: registry.url("") };
  const mirror = await Daemon.start({ supernode: supernode.url, listen: "127.0.0.1:0", proxy: "127.0.0.1:0", ...own });
  t.after(async () => {
    await mirror.close();
    await registry.close();
  });
  const blob = `${mirror.proxyUrl}/v2/team/app/blobs/${digest}`;
  const read = await fetch(blob, { headers: { authorization } });
  assert.deepEqual([read.status, Buffer.from(await read.arrayBuffer()).equals(content)], [200, true]);
  assert.equal((await fetch(blob)).status, 401);
  const { tasks } = (await (await fetch(`${supernode.url}/api/v1/tasks`)).json()) as {
    tasks: { url: string; version: VersionId }[];
  };
  const held = tasks.find(({ url }) => url.includes(digest))?.version;
  assert.ok(held);
  for (const url of [supernode.url, mirror.piecesUrl]) assert.equal(await open(await linkTo(url), held), "not-allowed");
});
