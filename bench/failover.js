// The supernode killed in the middle of one file to many hosts, with a second supernode and with none: how much later the slowest host ends,
// and how often the origin sends the content. The real programs on this machine, and nginx with a limit on each connection.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { Origin } from "./origin.js";
import { median, quantile } from "./statistics.js";

export const flags = {
  n: "12",
  mib: "200",
  /** Of each of the origin's connections, in MiB a second; a supernode opens four. */
  origin: "3",
  /** Percent of the content that the home has read when it is killed. */
  at: "50",
  runs: "1",
};

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const bytes = given.number("mib") << 20;
  const folder = await stage.roomy((2 * given.number("n") + 3) * bytes);
  const origin = await Origin.start(stage, folder, undefined, { connectionMBps: given.number("origin") });
  const digest = await makeContent(join(origin.root, "file"), bytes);
  const place = { stage, folder, origin, digest, bytes, hosts: given.number("n") };
  const rows = [];
  const failures = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    for (const [system, supernodes, at] of [
      ["left alone", 2, undefined],
      ["killed, a second one", 2, given.number("at")],
      ["killed, none left", 1, given.number("at")],
    ]) {
      const { seconds, faults, sent } = await fetchOnce(place, supernodes, at);
      failures.push(...faults.map((fault) => `run ${run}, ${system}: ${fault}`));
      const spread = { min: quantile(seconds, 0), p50: median(seconds), max: quantile(seconds, 1) };
      rows.push({ run, system, ...spread, "origin copies": sent / bytes });
    }
  }
  return { tables: [{ title: "seconds; copies of the content sent by the origin", rows }], failures };
}

async function fetchOnce({ stage, folder, origin, digest, bytes, hosts: n }, count, at) {
  const names = Array.from({ length: n }, (_, nth) => join(folder, `host${nth + 1}`));
  const supernodes = await Promise.all(
    Array.from({ length: count }, (_, nth) => startSupernode(stage, { folder: join(folder, `supernode${nth + 1}`) })),
  );
  const supernode = supernodes.map(({ url }) => url);
  const hosts = await Promise.all(names.map((name) => startDaemon(stage, { folder: name, supernode })));
  const before = (await origin.requests()).length;
  const gets = hosts.map((host, nth) => host.get(`${origin.url}/file`, join(names[nth], "file")));
  const home = at === undefined ? undefined : await whoHasRead(supernodes, (at / 100) * bytes);
  home?.process.kill("SIGKILL");
  const faults = [];
  const seconds = await Promise.all(
    gets.map(async ({ ended, startedMs }, nth) => {
      const { code, endedMs } = await ended;
      if (code !== 0) faults.push(`dfget on ${names[nth]} ended with ${code}`);
      else if ((await digestOf(join(names[nth], "file"))) !== digest) faults.push(`wrong bytes in ${names[nth]}`);
      return (endedMs - startedMs) / 1000;
    }),
  );
  await Promise.all([...hosts, ...supernodes].map(({ process }) => process.stop()));
  const requests = (await origin.requests()).slice(before).filter(({ uri }) => uri === "/file");
  const sent = requests.reduce((sum, request) => sum + request.bytes, 0);
  for (const name of [...names, ...supernodes.map((_, nth) => join(folder, `supernode${nth + 1}`))]) {
    await rm(name, { recursive: true });
  }
  return { seconds, faults, sent };
}

/** The supernode that has read so much from the origin, once there is one. */
async function whoHasRead(supernodes, bytes) {
  for (;;) {
    for (const supernode of supernodes) {
      const { tasks } = await (await fetch(`${supernode.url}/api/v1/tasks`)).json();
      if (tasks.some(({ bytesBySource }) => bytesBySource.origin >= bytes)) return supernode;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
