// Why it was slow, by the programs' own word: for each bottleneck that can be made here, the supernode, the daemon and dfget name it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CappedNetwork, type Machine, missingCappedNetwork } from "../testing/capped-network.ts";
import { succeeded } from "../testing/outcome.ts";
import { ProcessHost, ProcessSwarm, type ProcessSwarmOptions } from "../testing/process-swarm.ts";
import { Program, type ProgramName } from "../testing/program.ts";
import { missingSlowDisk, onSlowDisk } from "../testing/slow-disk.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

interface Explained {
  readonly cause: string;
  readonly setBy: string | null;
  readonly words: readonly string[];
  readonly dropped: readonly { readonly reason: string }[];
  readonly bound: { readonly times: number } | null;
}

const content = testContent(8 * 2 ** 20, 9);
const origin = await TestOrigin.start({ content });
after(() => origin.close());

/** What the daemon of a host says of its last download. */
async function byDaemon(host: ProcessHost): Promise<Explained> {
  const { tasks } = JSON.parse(await host.ask("/api/v1/tasks"));
  const { hosts } = JSON.parse(await host.ask(`/api/v1/tasks/${tasks[0].id}/explain`));
  return hosts[0];
}

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
    await slow.start(onSlowDisk(100));
    for (const outcome of await swarm.getOnAll(origin.url("/disk"), "-o", "a")) succeeded(outcome);
    assert.equal((await byDaemon(slow)).cause, "disk");
    assert.notEqual((await byDaemon(other)).cause, "disk");
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

test("the host's own link", { skip: missingCappedNetwork() }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-e2e-"));
  await writeFile(join(folder, "file"), content);
  const network = await CappedNetwork.open();
  const programs: Program[] = [];
  const start = async (
    name: ProgramName,
    args: readonly string[],
    machine: Machine,
    says: RegExp,
  ): Promise<Program> => {
    const program = new Program(name, args, { cwd: folder, under: machine.under, killAfterMs: 100_000 });
    programs.push(program);
    await program.said("stderr", says);
    return program;
  };
  const web = await network.join();
  const serve = ["-u", "-m", "http.server", "8000", "--bind", web.address, "--directory", folder];
  const server = spawn("ip", [...web.under.slice(1), "python3", ...serve], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await once(server.stdout, "data");
    const supernode = await network.join();
    const open = ["--insecure", "--data-dir"];
    await start(
      "dragonfly",
      ["supernode", "--listen", `${supernode.address}:8002`, ...open, "s"],
      supernode,
      /serving/,
    );
    const hosts: ProcessHost[] = [];
    for (const downMbit of [16, undefined, undefined, undefined]) {
      const machine = await network.join({ downMbit });
      const host = new ProcessHost(join(folder, machine.address), []);
      await mkdir(host.folder, { recursive: true });
      const own = ["-n", supernode.address, "--listen", `${machine.address}:65002`, "--proxy", "off"];
      await start("dfdaemon", [...own, "--socket", host.socket, ...open, host.dataDir], machine, /joined supernode/);
      hosts.push(host);
    }
    const [slow, ...others] = hosts;
    assert.ok(slow);
    const url = `http://${web.address}:8000/file`;
    for (const outcome of await Promise.all(others.map((host) => host.get(url, "-o", "a")))) succeeded(outcome);
    succeeded(await slow.get(url, "-o", "a"));
    const explained = await byDaemon(slow);
    assert.equal(explained.cause, "downlink", JSON.stringify(explained));
  } finally {
    server.kill();
    await Promise.all(programs.map((program) => program.kill("SIGTERM")));
    await network.close();
    await rm(folder, { recursive: true });
  }
});
