// Many dfgets on one host: they share one daemon, one download, and what is held already.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { choosePieceLength } from "../core/version.ts";
import { jsonOf, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessHost, ProcessSwarm, processesWith } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(8 * 2 ** 20, 4);
const ten = Array.from({ length: 10 }, (_, nth) => `copy${nth}`);
let swarm: ProcessSwarm;
let origin: TestOrigin;

before(async () => {
  origin = await TestOrigin.start({ content });
  swarm = await ProcessSwarm.start();
});
after(() => Promise.all([swarm.close(), origin.close()]));

test("ten dfgets of one URL at once are one download and ten right files", async () => {
  const before = origin.sentBytes;
  const outcomes = await Promise.all(ten.map((name) => swarm.first.get(origin.url("/ten"), "-o", name)));
  for (const outcome of outcomes) succeeded(outcome);
  for (const name of ten) assert.equal(await sha256OfFile(swarm.first.path(name)), sha256(content));
  assert.equal(origin.sentBytes - before, content.length);
});

test("what the host holds is given again, for one question at the origin at most", async () => {
  succeeded(await swarm.first.get(origin.url("/again"), "-o", "again1"));
  const [requests, bytes] = [origin.requests.length, origin.sentBytes];
  const outcome = await swarm.first.get(origin.url("/again"), "-o", "again2", "--json");
  succeeded(outcome);
  const result = jsonOf(outcome);
  assert.equal(result.reused, true);
  assert.deepEqual(result.from, { peers: 0, supernode: 0, origin: 0 });
  assert.equal(await sha256OfFile(swarm.first.path("again2")), sha256(content));
  assert.ok(origin.requests.length - requests <= 1);
  assert.equal(origin.sentBytes, bytes);
});

test("of a copy in the cache that another program wrote to the right pieces are used, the others fetched again", async () => {
  const url = origin.url("/changed");
  succeeded(await swarm.first.get(url, "-o", "changed1"));
  const versions = join(swarm.first.dataDir, "versions");
  for (const version of await readdir(versions))
    await writeFile(join(versions, version, "pieces"), "x", { flag: "r+" });
  const outcome = await swarm.first.get(url, "-o", "changed2", "--json");
  succeeded(outcome);
  const { reused, from } = jsonOf(outcome) as { reused: boolean; from: Record<string, number> };
  assert.equal(reused, false);
  assert.equal(
    Object.values(from).reduce((sum, bytes) => sum + bytes, 0),
    choosePieceLength(content.length),
  );
  assert.equal(await sha256OfFile(swarm.first.path("changed2")), sha256(content));
});

test("ten dfgets without a daemon start one", { skip: process.platform !== "linux" && "it reads /proc" }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-e2e-"));
  const host = new ProcessHost(folder, []);
  await mkdir(host.folder);
  let daemons: number[] = [];
  try {
    const outcomes = await Promise.all(ten.map((name) => host.get(origin.url("/fresh"), "-o", name)));
    for (const outcome of outcomes) succeeded(outcome);
    for (const name of ten) assert.equal(await sha256OfFile(host.path(name)), sha256(content));
    const starters = outcomes.filter(({ stderr }) => stderr.includes("no daemon was running: started one at"));
    assert.equal(starters.length, 1);
    daemons = await processesWith(host.socket);
    assert.equal(daemons.length, 1);
  } finally {
    for (const pid of daemons) process.kill(pid, "SIGTERM");
    // No child of ours: nothing tells its end but its absence.
    while ((await processesWith(host.socket)).length > 0) await sleep(20);
    await rm(folder, { recursive: true });
  }
});
