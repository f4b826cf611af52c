// A thousand dfgets at once against one daemon: all are served or told when to come again, and the daemon neither falls nor grows.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, makeContent } from "../bench/content.js";
import { quantile } from "../bench/statistics.js";
import { Fleet } from "./fleet.js";

export const flags = { dfgets: "1000", files: "20", mib: "1", ramp: "20" };

const maxResidentBytes = 300e6;

export async function test(given, stage) {
  const folder = await stage.roomy(4e9);
  const fleet = await Fleet.start(stage, { folder, daemons: 1, supernodes: 1, mbit: 10_000 });
  const [host] = fleet.hosts;
  const files = [];
  for (let nth = 0; nth < given.number("files"); nth++) {
    const name = `file-${nth}`;
    files.push({ name, digest: await makeContent(join(fleet.origin.root, name), given.number("mib") << 20) });
  }
  const failures = [];
  const seconds = [];
  const one = async (nth) => {
    // A process takes its time to start: so many at a time are what a machine can bring about at all.
    const file = files[nth % files.length];
    const output = join(folder, `out-${nth}`);
    const getting = host.running.get(`${fleet.origin.url}/${file.name}`, output, `get-${nth}.log`);
    const { code, endedMs } = await getting.ended;
    seconds.push((endedMs - getting.startedMs) / 1000);
    if (code !== 0) failures.push(`dfget ${nth}: exit ${code}: ${getting.lastWords}`);
    else if ((await digestOf(output)) !== file.digest) failures.push(`dfget ${nth}: wrong bytes`);
  };
  const gets = [];
  for (let nth = 0; nth < given.number("dfgets"); nth++) {
    gets.push(one(nth));
    await new Promise((resolve) => setTimeout(resolve, given.number("ramp")));
  }
  await Promise.all(gets);
  const [resident, peak] = await memoryOf(host.process.pid);
  if (peak > maxResidentBytes) failures.push(`the daemon grew to ${Math.round(peak / 1e6)} MB`);
  const row = {
    dfgets: seconds.length,
    failed: failures.length,
    "p50 s": quantile(seconds, 0.5),
    "max s": quantile(seconds, 1),
    "daemon MB": resident / 1e6,
    "its peak MB": peak / 1e6,
  };
  return { tables: [{ title: "dfgets at once against one daemon", rows: [row] }], failures: failures.slice(0, 20) };
}

async function memoryOf(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return ["VmRSS", "VmHWM"].map((name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024);
}
