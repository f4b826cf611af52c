// What somebody on the network sees of a download over TLS: the packets of all ports of a cluster, searched for what must not be in them.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { download } from "../library/download.ts";
import { SecureCluster } from "../testing/secure-cluster.ts";
import { TestOrigin } from "../testing/test-origin.ts";

const missing =
  process.getuid?.() !== 0 || spawnSync("tcpdump", ["--version"], { stdio: "ignore" }).status !== 0
    ? "needs tcpdump, and root"
    : false;

const marks = {
  content: "CONTENT-THAT-NOBODY-SHALL-READ",
  url: "path-that-nobody-shall-read",
  header: "header-that-nobody-shall-read",
};

async function capture(path: string, ports: readonly number[]): Promise<ChildProcess> {
  const filter = ports.map((port) => `port ${port}`).join(" or ");
  const child = spawn("tcpdump", ["-i", "lo", "-s", "0", "-B", "65536", "-U", "-w", path, filter], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [said] = await once(child.stderr, "data");
  assert.match(String(said), /listening on lo|tcpdump/);
  return child;
}

test("a capture of a download shows neither content nor URL nor header, but at the origin", {
  skip: missing,
}, async (t) => {
  const content = Buffer.alloc(6_000_000, `${marks.content}\n`);
  const origin = await TestOrigin.start({ content });
  const cluster = await SecureCluster.start();
  t.after(async () => {
    await cluster.close();
    await origin.close();
  });
  const daemons = [await cluster.daemon("ann"), await cluster.daemon("bob")];
  const port = (url: string): number => Number(new URL(url).port);
  const paths = { cluster: join(cluster.folder, "cluster.pcap"), origin: join(cluster.folder, "origin.pcap") };
  const captures = [
    await capture(paths.cluster, [cluster.port, ...daemons.map(({ piecesUrl }) => port(piecesUrl))]),
    await capture(paths.origin, [port(origin.url("/"))]),
  ];
  const url = origin.url(`/${marks.url}`);
  const headers = { "x-secret": marks.header };
  const gets = daemons.map(({ socket }, at) =>
    download(url, { socket, headers, output: join(cluster.folder, `out-${at}`) }),
  );
  for (const { bytes } of await Promise.all(gets)) assert.equal(bytes, content.length);
  // What it has in its buffer when it is told to end it does not write.
  for (const path of Object.values(paths)) while ((await stat(path)).size <= content.length) await delay(20);
  for (const child of captures) {
    child.kill("SIGINT");
    await once(child, "exit");
  }
  const [seen, plain] = [await readFile(paths.cluster), await readFile(paths.origin)];
  for (const mark of Object.values(marks)) {
    assert.ok(plain.includes(mark), `the origin's own packets show ${mark}`);
    assert.ok(!seen.includes(mark), `the cluster's packets show ${mark}`);
  }
});
