// Certificates that are renewed, and an authority that is replaced, while a download runs over connections that were made before.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { download } from "../library/download.ts";
import { dialControl } from "../net/control-channel.ts";
import { Credentials } from "../net/credentials.ts";
import { certificateRequest, newHostKey } from "../net/host-key.ts";
import { openLog } from "../runtime/log.ts";
import { ClusterAuthority } from "../supernode/cluster-authority.ts";
import { SecureCluster } from "../testing/secure-cluster.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const life = { certificateLife: "4s", lifeMs: 4000 };
const content = testContent(3_000_000, 9);

async function stage(t: TestContext, { bytesPerSecond }: { readonly bytesPerSecond: number }) {
  const lines: string[] = [];
  const log = await openLog({ level: "info", format: "text" }, { write: (line) => lines.push(line) });
  const origin = await TestOrigin.start({ content });
  const { certificateLife } = life;
  const cluster = await SecureCluster.start({ certificateLife, uploadLimit: String(bytesPerSecond) }, log);
  t.after(async () => {
    await cluster.close();
    await origin.close();
  });
  const hosts = ["ann", "bob"];
  const heard = hosts.map((): string[] => []);
  for (const [at, name] of hosts.entries()) {
    const own = await openLog({ level: "info", format: "text" }, { write: (line) => heard[at]?.push(line) });
    await cluster.daemon(name, {}, own);
  }
  const output = (name: string): string => join(cluster.folder, `${name}.bin`);
  const getAll = (path: string) =>
    Promise.all(
      hosts.map((name) => {
        const socket = join(cluster.folder, `${name}.sock`);
        return download(origin.url(path), { socket, output: output(name), overwrite: true, noBackToSource: true });
      }),
    );
  /** Right files, renewals of each daemon, and nobody who lost anybody. */
  const assertUnharmed = async (renewals: number): Promise<void> => {
    for (const name of hosts) assert.deepEqual(await readFile(output(name)), Buffer.from(content));
    for (const daemon of heard) {
      assert.ok(daemon.filter((line) => line.includes("certificate renewed")).length >= renewals, daemon.join(""));
      assert.doesNotMatch(daemon.join(""), /lost supernode|unreachable|not renewed|neighbour failed/);
    }
    assert.doesNotMatch(lines.join(""), /host shut out|host lost|not renewed|piece failed/);
    assert.equal(origin.sentBytes, content.length);
  };
  return { cluster, origin, getAll, assertUnharmed };
}

test("a download outlives the certificates that it began with", { timeout: 60_000 }, async (t) => {
  const { getAll, assertUnharmed } = await stage(t, { bytesPerSecond: 400_000 });
  const results = await getAll("/renewed");
  await assertUnharmed(2);
  assert.ok(results.reduce((bytes, { from }) => bytes + from.peers, 0) > 0);
});

test("an authority is replaced while hosts download, and the old one ends two lives later", {
  timeout: 100_000,
}, async (t) => {
  const { cluster, origin, getAll, assertUnharmed } = await stage(t, { bytesPerSecond: 250_000 });
  const oldToken = await cluster.token("join", { lifeMs: 100_000 });
  // As somebody would make it who has the old authority's key: it outlives all that the supernode issues.
  const stolen = await certified(cluster.dataDir);
  assert.equal(await opens(cluster, stolen), true);
  const downloads = getAll("/rotated");
  await (await cluster.authority()).replace();
  const replacedAtMs = Date.now();
  await downloads;
  await assertUnharmed(3);
  while (await opens(cluster, stolen)) {
    assert.ok(
      Date.now() < replacedAtMs + 3 * life.lifeMs,
      "the old authority is believed for longer than it should be",
    );
    await delay(100);
  }
  assert.ok(Date.now() >= replacedAtMs + 2 * life.lifeMs - 1000, "it is believed until its last certificate is over");
  await assert.rejects(cluster.daemon("old", { token: oldToken }), { code: "not-authorised", message: /new token/ });
  await cluster.daemon("new");
  origin.answer = { content: content.subarray(0, 100_000) };
  await getAll("/after");
});

async function certified(dataDir: string): Promise<Credentials> {
  const authority = await ClusterAuthority.open({ dataDir, certificateLifeMs: 3_600_000 });
  const key = await newHostKey();
  const { cert, authorities } = await authority.issueHost(await certificateRequest(key), async () => {});
  return new Credentials({ key, cert, authorities });
}

/** Whether the supernode lets this host in. It trusts whoever answers: what is asked is whether it is believed itself. */
async function opens(cluster: SecureCluster, { identity }: Credentials): Promise<boolean> {
  const { trusted } = await cluster.authority();
  const credentials = new Credentials({ ...identity, authorities: [...identity.authorities, ...trusted] });
  try {
    (await dialControl(`https://${cluster.address}`, { timeoutMs: 5000, credentials })).terminate();
    return true;
  } catch (error) {
    assert.match((error as Error).message, /401/);
    return false;
  }
}
