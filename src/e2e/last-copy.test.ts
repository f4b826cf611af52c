// Hosts that make room keep what nobody else has.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { succeeded } from "../testing/outcome.ts";
import { type ProcessHost, ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const MIB = 2 ** 20;

test("a host that makes room lets go of what another holds, though it used what is the last copy longer ago", async () => {
  const origin = await TestOrigin.start({ content: testContent(8 * MIB, 21) });
  // The supernode has room for one file, a host for two. What was used in the last seconds stays, so each next file waits for the supernode's room.
  const swarm = await ProcessSwarm.start({
    ...{ hosts: 2, supernodeFlags: ["--quota", "12MiB"], daemonFlags: ["--quota", "20MiB"] },
  });
  const [first, second] = swarm.hosts;
  assert.ok(first && second);
  const get = async (host: ProcessHost, name: string) => succeeded(await host.get(origin.url(`/${name}`), "-o", name));
  try {
    await get(first, "alone");
    await get(first, "shared");
    await get(second, "shared");
    await get(second, "other");
    assert.deepEqual(await heldBy(first), ["/alone", "/shared"]);
    await get(first, "next");
    assert.deepEqual(await heldBy(first), ["/alone", "/next"]);
  } finally {
    await Promise.all([swarm.close(), origin.close()]);
  }
});

/** Paths of the contents in a host's cache. */
async function heldBy({ dataDir }: ProcessHost): Promise<string[]> {
  const versions = join(dataDir, "versions");
  const read = async (name: string) => JSON.parse(await readFile(join(versions, name, "version.json"), "utf8"));
  const files = await Promise.all((await readdir(versions)).map(read));
  return files.map(({ version }) => new URL(version.url).pathname).sort();
}
