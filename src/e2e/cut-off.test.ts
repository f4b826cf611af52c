// A host that reaches nobody, as one whose network is down: it waits for whoever is there again first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../testing/free-port.ts";
import { sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { type ProcessHost, ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(8 * 2 ** 20, 23);

/** Resolves when its daemon has logged it so often. */
function said(host: ProcessHost, what: string, times: number): Promise<unknown> {
  return host.daemon?.said("stderr", new RegExp(`(?:${what}[^]*){${times}}`)) ?? assert.fail("no daemon");
}

test("a download begins when the network is back, at the supernode that was there a moment ago", async (t) => {
  const port = await freePort();
  const swarm = await ProcessSwarm.start();
  t.after(() => swarm.close());
  const [host, supernode] = [swarm.first, swarm.supernodes[0]];
  await supernode?.program?.kill("SIGKILL");
  await said(host, "lost supernode", 1);
  const getting = host.begin(`http://127.0.0.1:${port}/file.bin`, "-o", "begun");
  await said(host, "nobody can be reached", 1);
  await sleep(1000);
  const origin = await TestOrigin.start({ content, port });
  t.after(() => origin.close());
  await supernode?.start();
  succeeded(await getting.ended);
  assert.equal(await sha256OfFile(host.path("begun")), sha256(content));
});

test("a download that runs goes on when the origin is back, though no supernode is", async (t) => {
  const port = await freePort();
  const origin = await TestOrigin.start({ content, port, rateBytesPerSecond: 2 ** 20 });
  const swarm = await ProcessSwarm.start();
  t.after(() => swarm.close());
  const host = swarm.first;
  const getting = host.begin(origin.url("/file.bin"), "-o", "running");
  while (origin.sentBytes < content.length / 4) await sleep(10);
  await Promise.all([swarm.supernode?.kill("SIGKILL"), origin.close()]);
  await said(host, "the origin failed, trying again", 6);
  const again = await TestOrigin.start({ content, port });
  t.after(() => again.close());
  succeeded(await getting.ended);
  assert.equal(await sha256OfFile(host.path("running")), sha256(content));
  assert.ok(again.sentBytes < content.length, "what was there was read again");
});
