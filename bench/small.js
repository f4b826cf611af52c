// What a user waits for when the content is small: whole processes, cold content, through a daemon that runs, against curl.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { program, startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { Origin } from "./origin.js";
import { cpuBetween, cpuOfEnded } from "./process-cost.js";
import { median, quantile } from "./statistics.js";

export const flags = { runs: "15" };

const sizes = [
  ["1 KiB", 1 << 10],
  ["1 MiB", 1 << 20],
];

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const runs = given.number("runs");
  const { folder } = stage;
  const origin = await Origin.start(stage, folder);
  const { url: supernode } = await startSupernode(stage, { folder: join(folder, "supernode") });
  const host = await startDaemon(stage, { folder: join(folder, "host"), supernode });
  const output = join(folder, "out");
  const failures = [];
  const rows = [];
  for (const [size, bytes] of sizes) {
    const samples = { curl: [], cold: [], again: [] };
    for (let run = 0; run < runs; run++) {
      const digest = await makeContent(join(origin.root, `${bytes}-${run}`), bytes);
      const url = `${origin.url}/${bytes}-${run}`;
      samples.curl.push(await timed(() => stage.run("curl", ["-sf", "-o", output, url])));
      for (const kind of ["cold", "again"]) {
        samples[kind].push(await timed(() => host.fetch(url, output)));
        if ((await digestOf(output)) !== digest) failures.push(`${url}: other bytes than the origin's`);
        await rm(output);
      }
    }
    for (const [kind, taken] of Object.entries(samples)) rows.push(summary(`${size}, ${shownKind[kind]}`, taken));
  }
  const help = [];
  for (let run = 0; run < runs; run++) help.push(await timed(() => stage.run("node", program("dfget", "--help"))));
  const bare = [];
  for (let run = 0; run < runs; run++) bare.push(await timed(() => stage.run("node", ["-e", "0"])));
  rows.push(summary("dfget --help", help), summary("node -e 0", bare));
  return { tables: [{ title: `whole processes, ${runs} of each`, rows }], failures };
}

const shownKind = { curl: "curl", cold: "dfget cold", again: "dfget again" };

async function timed(work) {
  const before = cpuOfEnded();
  const ms = await work();
  const { user, system } = cpuBetween(before, cpuOfEnded());
  return { ms, cpuMs: (user + system) * 1000 };
}

function summary(what, samples) {
  const times = samples.map(({ ms }) => ms);
  const cpu = samples.map(({ cpuMs }) => cpuMs);
  return {
    what,
    "min ms": quantile(times, 0),
    "p50 ms": median(times),
    "p90 ms": quantile(times, 0.9),
    "CPU ms": median(cpu),
  };
}
