// Files that are fetched before anybody asks: by the command line and the API of the built programs.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { jsonOf, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { type Outcome, Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(6 * 2 ** 20, 21);
let swarm: ProcessSwarm;
let origin: TestOrigin;

before(async () => {
  [origin, swarm] = await Promise.all([
    TestOrigin.start({ content }),
    ProcessSwarm.start({ hosts: 3, supernodeFlags: ["--freshness", "1h"] }),
  ]);
});
after(() => Promise.all([swarm.close(), origin.close()]));

function begin(...args: readonly string[]): Program {
  return new Program("dragonfly", ["preheat", ...args, "-n", swarm.supernodeUrl], { cwd: swarm.folder });
}

function preheat(...args: readonly string[]): Promise<Outcome> {
  return begin(...args).ended;
}

async function api(path: string, method = "GET"): Promise<Record<string, unknown>> {
  const answer = await fetch(`${swarm.supernodeUrl}/api/v1${path}`, { method });
  return answer.status === 204 ? {} : ((await answer.json()) as Record<string, unknown>);
}

/** Resolves to it when it is as it should be; asks as quickly as the supernode answers. */
async function until(id: string, suits: (preheat: Record<string, unknown>) => boolean) {
  for (;;) {
    const seen = await api(`/preheats/${id}`);
    if (suits(seen)) return seen;
  }
}

test("a file is brought to all hosts, and a dfget there takes nothing from anywhere", async () => {
  const url = origin.url("/everywhere");
  const outcome = await preheat(url, "--to", "all", "--wait", "--json");
  succeeded(outcome);
  const done = jsonOf(outcome);
  assert.deepEqual([done.state, done.hosts, done.bytes], ["done", 3, content.length * 4]);
  assert.equal(origin.sentBytes, content.length);
  const asked = origin.requests.length;
  for (const got of await swarm.getOnAll(url, "-o", "everywhere", "--json", "--no-back-to-source")) {
    succeeded(got);
    assert.equal(jsonOf(got).reused, true);
    assert.deepEqual(jsonOf(got).from, { peers: 0, supernode: 0, origin: 0 });
  }
  for (const host of swarm.hosts) assert.equal(await sha256OfFile(host.path("everywhere")), sha256(content));
  assert.equal(origin.requests.length, asked);
});

test("a file is brought to the supernode alone, which says so in one line", async () => {
  const url = origin.url("/seed");
  const before = origin.sentBytes;
  const outcome = await preheat(url, "--wait");
  succeeded(outcome);
  assert.match(outcome.stdout.toString(), /^[0-9a-f]{32}\n$/);
  assert.match(outcome.stderr, /^1 content, 6\.0 MiB, on the supernode in \S+\n$/);
  const got = await swarm.first.get(url, "-o", "seed", "--json");
  succeeded(got);
  assert.deepEqual(jsonOf(got).from, { peers: 0, supernode: content.length, origin: 0 });
  assert.equal(origin.sentBytes - before, content.length);
});

test("a share is brought to so many hosts, the same ones again", async () => {
  const url = origin.url("/share");
  const holders = async (): Promise<readonly number[]> => {
    const tasks = await Promise.all(swarm.hosts.map((host) => host.ask("/api/v1/tasks")));
    return tasks.flatMap((text, nth) => (text.includes(url) ? [nth] : []));
  };
  succeeded(await preheat(url, "--to", "34%", "--wait"));
  const chosen = await holders();
  assert.equal(chosen.length, 2);
  succeeded(await preheat(url, "--to", "34%", "--wait"));
  assert.deepEqual(await holders(), chosen);
});

test("without --wait the id is printed at once, and the list has it", async () => {
  const outcome = await preheat(origin.url("/later"));
  succeeded(outcome);
  const id = outcome.stdout.toString().trim();
  await until(id, ({ state }) => state === "done");
  const list = await preheat("--list");
  assert.match(list.stdout.toString(), new RegExp(`^PREHEAT .*\\n${id} +done +seeds +0 +1/1 +6\\.0 MiB +http`));
});

test("a cancelled preheat ends the reading of the origin and the downloads of the hosts, if nobody else wants them", async () => {
  origin.answer = { content, rateBytesPerSecond: 200_000, ranges: false };
  const waiting = begin(origin.url("/slow"), "--to", "all", "--wait");
  const [id = ""] = await waiting.said("stdout", /[0-9a-f]{32}/);
  await until(id, ({ bytes }) => Number(bytes) > 0);
  assert.ok(origin.serving > 0);
  succeeded(await preheat("--cancel", id));
  const cancelled = await until(id, ({ state }) => state !== "running");
  assert.equal(cancelled.state, "cancelled");
  const { exit, stderr } = await waiting.ended;
  assert.deepEqual([exit, stderr], [8, "dragonfly preheat: the preheat was cancelled\n"]);
  while (origin.serving > 0) await new Promise((resolve) => setImmediate(resolve));
  for (const host of swarm.hosts) {
    const { tasks } = JSON.parse(await host.ask("/api/v1/tasks")) as { tasks: { url: string; state: string }[] };
    const states = tasks.filter(({ url }) => url.endsWith("/slow")).map(({ state }) => state);
    assert.deepEqual(states, ["partial"]);
  }
  origin.answer = { content };
  succeeded(await swarm.first.get(origin.url("/slow"), "-o", "slow"));
  assert.equal(await sha256OfFile(swarm.first.path("slow")), sha256(content));
});

test("a cancelled preheat leaves a download alone that somebody else began", async () => {
  origin.answer = { content, rateBytesPerSecond: 2_000_000, ranges: false };
  const url = origin.url("/wanted");
  const id = (await preheat(url, "--to", "all")).stdout.toString().trim();
  await until(id, ({ bytes }) => Number(bytes) > 0);
  const getting = swarm.first.begin(url, "-o", "wanted", "-v");
  await getting.said("stderr", /task [0-9a-f]{64}/);
  await api(`/preheats/${id}`, "DELETE");
  succeeded(await getting.ended);
  assert.equal(await sha256OfFile(swarm.first.path("wanted")), sha256(content));
  origin.answer = { content };
});

test("who interrupts the waiting leaves the preheat running, and is told how to end it", async () => {
  origin.answer = { content, rateBytesPerSecond: 3_000_000, ranges: false };
  const waiting = begin(origin.url("/left"), "--wait");
  const [id = ""] = await waiting.said("stdout", /[0-9a-f]{32}/);
  await until(id, ({ bytes }) => Number(bytes) > 0);
  const { exit, stderr } = await waiting.kill("SIGINT");
  assert.equal(exit, 8);
  const advice = `the preheat goes on; dragonfly preheat --cancel ${id} -n ${swarm.supernodeUrl} ends it`;
  assert.equal(stderr, `dragonfly preheat: interrupted: ${advice}\n`);
  await until(id, ({ state }) => state === "done");
  origin.answer = { content };
});

test("what the origin refuses fails with its status and the exit code of the origin's faults", async () => {
  origin.answer = { content, requires: ["authorization", `Basic ${Buffer.from("ada:sesame").toString("base64")}`] };
  const outcome = await preheat(origin.url("/private"), "--wait", "--json");
  assert.equal(outcome.exit, 3);
  assert.match(outcome.stderr, /^dragonfly preheat: the preheat failed: the origin answered 401[^\n]*\n$/);
  assert.equal(jsonOf(outcome).state, "failed");
  origin.answer = { content };
});

test("credentials bring private content, and are seen nowhere", async () => {
  origin.answer = { content, requires: ["authorization", "Bearer opensesame1"] };
  const url = origin.url("/secret");
  succeeded(await preheat(url, "--to", "all", "-H", "Authorization: Bearer opensesame1", "--wait"));
  const pair = Buffer.from("ada:opensesame2").toString("base64");
  origin.answer = { content, requires: ["authorization", `Basic ${pair}`] };
  succeeded(await preheat(url.replace("http://", "http://ada:opensesame2@"), "--wait"));
  const ids = (await api("/preheats")).preheats as readonly { readonly id: string }[];
  const told = await Promise.all(ids.map(({ id }) => api(`/preheats/${id}`)));
  const files = await readdir(swarm.folder, { recursive: true, withFileTypes: true });
  const kept = files.filter((file) => file.isFile() && file.name !== "pieces");
  const written = await Promise.all(kept.map((file) => readFile(join(file.parentPath, file.name), "utf8")));
  const metrics = await (await fetch(`${swarm.supernodeUrl}/metrics`)).text();
  const everything = [JSON.stringify(ids), JSON.stringify(told), swarm.logs, metrics, ...written].join("\n");
  assert.ok(swarm.logs.includes("preheat over"));
  assert.doesNotMatch(everything, /opensesame/);
  assert.ok(!everything.includes(pair));
  const refused = await swarm.first.get(url, "-o", "secret");
  assert.equal(refused.exit, 3, "who shows no credentials gets nothing of it");
  origin.answer = { content };
});

test("a daemon that dies is named as the failure, and the others have it all the same", async () => {
  origin.answer = { content, rateBytesPerSecond: 3_000_000, ranges: false };
  const dying = await ProcessSwarm.start({ supernode: swarm.supernodeUrl });
  const url = origin.url("/dying");
  const outcome = begin(url, "--to", "all", "--wait", "--json");
  const id = ((await api("/preheats")).preheats as readonly { readonly id: string }[])[0]?.id;
  const found = async (): Promise<string> => {
    for (;;) {
      const [newest] = (await api("/preheats")).preheats as readonly { readonly id: string; readonly url: string }[];
      if (newest !== undefined && newest.id !== id && newest.url === url) return newest.id;
    }
  };
  await until(await found(), ({ bytes }) => Number(bytes) > 0);
  await dying.first.daemon?.kill("SIGKILL");
  const { exit, stdout, stderr } = await outcome.ended;
  await dying.close();
  origin.answer = { content };
  assert.equal(exit, 7, stderr);
  assert.match(stderr, /the preheat failed: host [0-9a-f]{32}: the host (?:left|is not connected)/);
  const { state, children } = JSON.parse(stdout.toString()) as {
    state: string;
    children: { hosts: Record<string, number>; failures: unknown[] }[];
  };
  assert.equal(state, "failed");
  assert.deepEqual(children[0]?.hosts, { waiting: 0, running: 0, done: 3, failed: 1, cancelled: 0 });
  assert.equal(children[0]?.failures.length, 1);
  for (const got of await swarm.getOnAll(url, "-o", "dying", "--json")) assert.equal(jsonOf(got).reused, true);
});

test("a host whose quota is full refuses, and throws nothing out for it", async () => {
  const small = await ProcessSwarm.start({ daemonFlags: ["--quota", "8MiB"] });
  const toSmall = (path: string): Promise<Outcome> => {
    const args = ["preheat", origin.url(path), "--to", "all", "--wait", "--json", "-n", small.supernodeUrl];
    return new Program("dragonfly", args, { cwd: small.folder }).ended;
  };
  try {
    succeeded(await toSmall("/one"));
    const second = await toSmall("/two");
    assert.equal(second.exit, 5);
    assert.match(second.stderr, /the quota of this host has no room left for it/);
    const kept = await small.first.ask("/api/v1/tasks");
    assert.ok(kept.includes("/one") && !kept.includes("/two"));
  } finally {
    await small.close();
  }
});

test("servers that are told to end in the midst of a preheat do, and a new supernode knows nothing of it", async () => {
  origin.answer = { content, rateBytesPerSecond: 300_000, ranges: false };
  const cluster = await ProcessSwarm.start();
  const data = ["--listen", "127.0.0.1:0", "--data-dir", join(cluster.folder, "supernode")];
  const args = ["preheat", origin.url("/ending"), "--to", "all", "-n", cluster.supernodeUrl];
  try {
    succeeded(await new Program("dragonfly", args, { cwd: cluster.folder }).ended);
    await cluster.first.daemon?.said("stderr", /download started/);
    const ended = await cluster.supernode?.kill("SIGTERM");
    assert.equal(ended?.exit, 0, ended?.stderr);
    assert.equal((await cluster.first.daemon?.kill("SIGTERM"))?.exit, 0);
    const next = new Program("dragonfly", ["supernode", ...data], { cwd: cluster.folder });
    const [, url = ""] = await next.said("stdout", /^supernode ready on (\S+)\n/);
    assert.deepEqual(await (await fetch(`${url}/api/v1/preheats`)).json(), { preheats: [] });
    await next.kill("SIGTERM");
  } finally {
    await cluster.close();
    origin.answer = { content };
  }
});

test("what cannot be preheated is said in one line", async () => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /say what to preheat/],
    [["example.com/x"], /is not a URL/],
    [["ftp://example.com/x"], /not a scheme/],
    [["http://h/x", "--to", "0%"], /none of seeds, all or a share/],
    [["http://h/x", "--platform", "linux/amd64"], /are for images/],
    [["oci://nginx", "-H", "A: b"], /are for files/],
    [["oci://nginx", "--username", "ada"], /--username and --password-stdin belong together/],
    [["oci://UPPER/", "--wait"], /cannot be read as an image/],
    [["oci://nginx", "--platform", "linux"], /"linux" is not a platform/],
  ];
  for (const [args, says] of table) {
    const { exit, stderr } = await preheat(...args);
    assert.equal(exit, 2, stderr);
    assert.match(stderr, says);
    assert.match(stderr, /^dragonfly preheat: [^\n]*\n$/);
  }
});
