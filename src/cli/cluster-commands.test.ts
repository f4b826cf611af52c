import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { Daemon } from "../daemon/daemon.ts";
import { parseDaemonOptions, parseSupernodeOptions } from "../runtime/config.ts";
import { Supernode } from "../supernode/supernode.ts";
import { main } from "./main.ts";

let folder = "";
let daemon: Daemon | undefined;
const supernodes: Supernode[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cluster-commands-"));
  for (const name of ["a", "b"]) {
    const options = { listen: "127.0.0.1:0", dataDir: join(folder, name) };
    supernodes.push(await Supernode.start(parseSupernodeOptions(options)));
  }
  const own = { listen: "127.0.0.1:0", proxy: "off", socket: join(folder, "d.sock"), dataDir: join(folder, "d") };
  daemon = await Daemon.start(parseDaemonOptions({ ...own, supernodes: supernodes.map(({ url }) => url) }));
  // It serves before it has joined.
  while ((await hostsAsTold()).length < supernodes.length);
});
after(async () => {
  await daemon?.close();
  for (const supernode of supernodes) await supernode.close();
  await rm(folder, { recursive: true });
});

async function dragonfly(...args: readonly string[]): Promise<readonly [exit: number, stdout: string, stderr: string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const env = { HOME: folder, DRAGONFLY_SUPERNODE: supernodes.map(({ url }) => url).join(",") };
  const io = { stdout, stderr, env, signals: new EventEmitter(), leave: () => assert.fail("left"), program: "/none" };
  const exit = await main({ program: "dragonfly" }, args, io);
  return [exit, String(stdout.read() ?? ""), String(stderr.read() ?? "")];
}

async function hostsAsTold(): Promise<readonly { readonly id: string; supernode: string; isolated: boolean }[]> {
  const [exit, stdout, stderr] = await dragonfly("hosts", "--json");
  assert.deepEqual([exit, stderr], [0, ""]);
  return JSON.parse(stdout).hosts;
}

test("a host is isolated and released at all supernodes, by the beginning of its id", async () => {
  const told = await hostsAsTold();
  const [id = ""] = told.map((host) => host.id);
  const urls = supernodes.map(({ url }) => url);
  assert.deepEqual(told.map(({ supernode }) => supernode).sort(), [...urls].sort());
  assert.deepEqual(
    told.map((host) => [host.id, host.isolated]),
    [
      [id, false],
      [id, false],
    ],
  );

  const [exit, stdout, stderr] = await dragonfly("isolate", id.slice(0, 12).toUpperCase());
  assert.deepEqual([exit, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`^${id} is isolated until \\S+Z; dragonfly release ${id.slice(0, 12)} ends it\n$`));
  assert.deepEqual(
    (await hostsAsTold()).map(({ isolated }) => isolated),
    [true, true],
  );
  const [, shown] = await dragonfly("hosts");
  assert.match(shown, /^HOST +STATE +TASKS +STRIKES +TOLD BY +ADDRESS\n/);
  assert.equal(shown.match(/ isolated /g)?.length, 2);

  const [, released] = await dragonfly("release", id, "--json");
  assert.deepEqual(
    JSON.parse(released).hosts.map((host: { supernode: string; isolated: boolean }) => [host.supernode, host.isolated]),
    urls.map((url) => [url, false]),
  );
});

test("a host or a task that no supernode knows is said to be unknown", async () => {
  for (const order of ["isolate", "release"]) {
    const [exit, stdout, stderr] = await dragonfly(order, "e".repeat(32));
    assert.deepEqual([exit, stdout], [1, ""]);
    assert.equal(stderr, `dragonfly ${order}: there is no host ${"e".repeat(32)}\n`);
  }
  const [exit, , stderr] = await dragonfly("rm", "e".repeat(64));
  assert.equal(exit, 1);
  assert.match(stderr, /^dragonfly rm: there is no/);
});

test("a supernode that is silent is named: a list goes on without it, an order says that it is not done", async () => {
  const [id = ""] = (await hostsAsTold()).map((host) => host.id);
  const [, gone] = supernodes;
  await gone?.close();
  const silence = `no answer from ${gone?.url} (ECONNREFUSED)`;
  const [exit, stdout, stderr] = await dragonfly("hosts");
  assert.deepEqual([exit, stderr], [0, `dragonfly hosts: ${silence}: what it knows is missing here\n`]);
  assert.match(stdout, new RegExp(`^HOST.*ADDRESS\n${id.slice(0, 12)} .*\n$`));

  const isolated = await dragonfly("isolate", id);
  assert.equal(isolated[0], 7);
  assert.match(isolated[1], /is isolated until/);
  assert.equal(isolated[2], `dragonfly isolate: ${silence}: say it again when it is back\n`);
});
