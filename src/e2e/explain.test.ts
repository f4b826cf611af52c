// Why it was slow, by the programs' own word: for each bottleneck that can be made here, the supernode, the daemon and dfget name it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { byDaemon, type Explained } from "../testing/explained.ts";
import { succeeded } from "../testing/outcome.ts";
import { ProcessSwarm, type ProcessSwarmOptions } from "../testing/process-swarm.ts";
import { Program } from "../testing/program.ts";
import { missingSlowDisk, onSlowDisk } from "../testing/slow-disk.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(8 * 2 ** 20, 9);
const origin = await TestOrigin.start({ content });
after(() => origin.close());

/** What `dragonfly explain` prints of the only task. */
async function byCommand(swarm: ProcessSwarm, ...flags: readonly string[]): Promise<readonly Explained[]> {
  const [host] = swarm.hosts;
  const { tasks } = JSON.parse(await (host?.ask("/api/v1/tasks") ?? ""));
  const asked = ["explain", tasks[0].id.slice(0, 16), "--json", ...flags];
  const outcome = await new Program("dragonfly", asked, { cwd: swarm.folder }).ended;
  succeeded(outcome);
  return JSON.parse(outcome.stdout.toString()).hosts;
}

async function inSwarm(options: ProcessSwarmOptions, work: (swarm: ProcessSwarm) => Promise<void>): Promise<void> {
  const swarm = await ProcessSwarm.start(options);
  try {
    await work(swarm);
  } finally {
    await swarm.close();
  }
}

test("a host's own limit", async () => {
  await inSwarm({ daemonFlags: ["--download-limit", "2MB/s"] }, async (swarm) => {
    const outcome = await swarm.first.get(origin.url("/limit"), "-o", "a", "-v");
    succeeded(outcome);
    assert.match(outcome.stderr, /A rate limit held it back: daemon --download-limit\./);
    for (const { cause, setBy, bound } of [
      await byDaemon(swarm.first),
      ...(await byCommand(swarm, "-n", swarm.supernodeUrl)),
    ]) {
      assert.deepEqual([cause, setBy], ["limit", "daemon --download-limit"]);
      assert.ok(bound !== null && bound.times < 2, JSON.stringify(bound));
    }
  });
});

test("the limit of one dfget", async () => {
  await inSwarm({}, async (swarm) => {
    succeeded(await swarm.first.get(origin.url("/own-limit"), "-o", "a", "-s", "2MB/s"));
    const { cause, setBy } = await byDaemon(swarm.first);
    assert.deepEqual([cause, setBy], ["limit", "dfget --limit"]);
  });
});

test("the uplinks of all neighbours", async () => {
  // Faster than any of them, so that what is new is soon among them.
  const flags = { daemonFlags: ["--upload-limit", "500KB/s"], supernodeFlags: ["--upload-limit", "2MB/s"] };
  await inSwarm({ hosts: 4, ...flags }, async (swarm) => {
    for (const outcome of await swarm.getOnAll(origin.url("/uplinks"), "-o", "a")) succeeded(outcome);
    const hosts = await byCommand(swarm, "-n", swarm.supernodeUrl);
    assert.deepEqual(
      hosts.map(({ cause, setBy }) => [cause, setBy]),
      Array(4).fill(["neighbours", "daemon --upload-limit"]),
    );
    for (const host of swarm.hosts) assert.equal((await byDaemon(host)).cause, "neighbours");
  });
});

test("a slow origin", async () => {
  const slow = await TestOrigin.start({ content, rateBytesPerSecond: 500_000 });
  await inSwarm({ hosts: 2 }, async (swarm) => {
    for (const outcome of await swarm.getOnAll(slow.url(), "-o", "a")) succeeded(outcome);
    for (const { cause } of await byCommand(swarm, "-n", swarm.supernodeUrl)) assert.equal(cause, "origin");
  }).finally(() => slow.close());
});

test("a slow disk", { skip: missingSlowDisk() }, async () => {
  await inSwarm({ hosts: 2 }, async (swarm) => {
    const [slow, other] = swarm.hosts;
    assert.ok(slow && other);
    await slow.daemon?.kill("SIGTERM");
    // For long enough to outweigh what else a busy machine makes it wait for.
    await slow.start(onSlowDisk(300));
    const args = [origin.url("/disk"), "-o", "a"];
    // The other one has something else to wait for: who is done at the first look was writing just then.
    const outcomes = await Promise.all([slow.get(...args), other.get(...args, "-s", "4MB/s")]);
    for (const outcome of outcomes) succeeded(outcome);
    assert.equal((await byDaemon(slow)).cause, "disk");
    assert.equal((await byDaemon(other)).cause, "limit");
  });
});

test("an isolated host", async () => {
  await inSwarm({ hosts: 3, supernodeFlags: ["--upload-limit", "2MB/s"] }, async (swarm) => {
    const [alone, ...others] = swarm.hosts;
    assert.ok(alone);
    const { hosts } = (await (await fetch(`${swarm.supernodeUrl}/api/v1/hosts`)).json()) as {
      hosts: { id: string; address: string }[];
    };
    const { id } = hosts.find(({ address }) => String(alone.daemon?.stdout).includes(address)) ?? { id: "" };
    await fetch(`${swarm.supernodeUrl}/api/v1/hosts/${id}/isolate`, { method: "POST" });
    for (const outcome of await swarm.getOnAll(origin.url("/isolated"), "-o", "a")) succeeded(outcome);
    assert.equal((await byDaemon(alone)).cause, "isolated");
    for (const other of others) assert.notEqual((await byDaemon(other)).cause, "isolated");
    const told = await byCommand(swarm, "-n", swarm.supernodeUrl);
    assert.equal(told.filter(({ cause }) => cause === "isolated").length, 1);
  });
});

test("no supernode", async () => {
  const slow = await TestOrigin.start({ content, rateBytesPerSecond: 500_000 });
  await inSwarm({ supernode: false }, async (swarm) => {
    const outcome = await swarm.first.get(slow.url(), "-o", "a", "-v");
    succeeded(outcome);
    assert.match(outcome.stderr, /There was no supernode: it read the origin by itself\./);
    const [host] = await byCommand(swarm, "-n", "127.0.0.1:9", "--socket", swarm.first.socket);
    assert.equal(host?.cause, "no-supernode");
  }).finally(() => slow.close());
});
