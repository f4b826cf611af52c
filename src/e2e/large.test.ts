// Large files, and what they may cost in memory. Takes minutes and 60 GB of disk, so only when asked for.

import assert from "node:assert/strict";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Nginx } from "../testing/nginx.ts";
import { sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import type { Program } from "../testing/program.ts";
import { testContent } from "../testing/test-origin.ts";

const asked = process.env.DRAGONFLY_TEST_LARGE === "1" && process.platform === "linux";
const skip = asked ? Nginx.missing : "DRAGONFLY_TEST_LARGE=1 runs it, on Linux";
const MIB = 2 ** 20;

/** VmHWM or VmRSS, in MB. */
async function memory(program: Program | undefined, field: string): Promise<number> {
  const text = await readFile(`/proc/${program?.pid}/status`, "utf8");
  return (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1]) * 1024) / 1e6;
}

/** A file with random blocks here and there, and holes between. */
async function makeSparse(path: string, length: number): Promise<void> {
  const file = await open(path, "w");
  await file.truncate(length);
  for (let at = 0; at + MIB < length; at += 256 * MIB)
    await file.write(testContent(64 * 1024, at + 1), 0, undefined, at);
  await file.close();
}

for (const [name, length, hosts] of [
  ["200 MiB", 200 * MIB, 1],
  ["200 MiB", 200 * MIB, 4],
  ["5 GiB, mostly holes,", 5 * 1024 * MIB + 1, 1],
  ["5 GiB, mostly holes,", 5 * 1024 * MIB + 1, 4],
] as const) {
  test(`${name} on ${hosts} at once, within 200 MB of memory a process`, { skip }, async (context) => {
    const nginx = await Nginx.start();
    const swarm = await ProcessSwarm.start({ hosts, killAfterMs: 500_000 });
    const daemons = swarm.hosts.map(({ daemon }, at) => [`daemon ${at + 1}`, daemon] as const);
    const servers = [["supernode", swarm.supernode] as const, ...daemons];
    try {
      for (const [what, server] of servers) {
        const rss = await memory(server, "VmRSS");
        context.diagnostic(`${what} idle: ${rss.toFixed(0)} MB`);
        assert.ok(rss <= 110);
      }
      const path = join(nginx.root, "large");
      if (length > 1024 * MIB) await makeSparse(path, length);
      else await nginx.put("large", testContent(length));
      for (const outcome of await swarm.getOnAll(nginx.url("/large"))) {
        succeeded(outcome);
        context.diagnostic(outcome.stderr.trim());
      }
      for (const [what, server] of servers) {
        const peak = await memory(server, "VmHWM");
        context.diagnostic(`${what} peak: ${peak.toFixed(0)} MB`);
        assert.ok(peak <= 200, `${what} took ${peak} MB`);
      }
      const expected = await sha256OfFile(path);
      for (const host of swarm.hosts) assert.equal(await sha256OfFile(host.path("large")), expected);
      assert.equal(await nginx.sentBytes(), length);
    } finally {
      await Promise.all([nginx.close(), swarm.close()]);
    }
  });
}
