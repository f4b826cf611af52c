// Origins that cannot serve parts: Python's http.server, and one that does not even say how long its content is.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { PythonServer } from "../testing/python-server.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(12 * 2 ** 20 + 77, 3);
let swarm: ProcessSwarm;

before(async () => {
  swarm = await ProcessSwarm.start({ hosts: 4 });
});
after(() => swarm.close());

async function allHave(name: string): Promise<void> {
  for (const host of swarm.hosts) assert.equal(await sha256OfFile(host.path(name)), sha256(content));
}

test("python's http.server is read once for one host and once for four", { skip: PythonServer.missing }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dragonfly-python-"));
  await writeFile(join(folder, "one.bin"), content);
  await writeFile(join(folder, "four.bin"), content);
  const origin = await PythonServer.start(folder);
  try {
    succeeded(await swarm.first.get(origin.url("/one.bin")));
    assert.equal(await sha256OfFile(swarm.first.path("one.bin")), sha256(content));
    assert.equal(origin.served, 1);
    for (const outcome of await swarm.getOnAll(origin.url("/four.bin"))) succeeded(outcome);
    await allHave("four.bin");
    assert.equal(origin.served, 2);
  } finally {
    await origin.close();
    await rm(folder, { recursive: true });
  }
});

for (const [what, answer] of [
  ["of unknown length", { chunked: true, ranges: false }],
  ["of unknown length and without validators", { chunked: true, ranges: false, etag: null, lastModified: null }],
] as const) {
  test(`a stream ${what} reaches one host, then four at once, and leaves the origin once each`, async () => {
    const origin = await TestOrigin.start({ content, ...answer });
    try {
      succeeded(await swarm.first.get(origin.url("/one"), "-o", `one ${what}`));
      assert.equal(await sha256OfFile(swarm.first.path(`one ${what}`)), sha256(content));
      assert.ok(origin.sentBytes <= content.length * 1.02, `${origin.sentBytes} bytes left the origin`);

      const before = origin.sentBytes;
      for (const outcome of await swarm.getOnAll(origin.url("/four"), "-o", what)) succeeded(outcome);
      await allHave(what);
      const sent = origin.sentBytes - before;
      assert.ok(sent <= content.length * 1.02, `${sent} bytes left the origin`);
    } finally {
      await origin.close();
    }
  });
}
