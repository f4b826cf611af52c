// A small quota under many files, with the daemon killed at random moments of downloads and evictions: every output is right, the cache never
// exceeds its quota by more than a piece of what arrives at once, and after each restart nothing is left that no holding accounts for.

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, makeContent } from "../bench/content.js";
import { Chance } from "./chance.js";
import { Fleet } from "./fleet.js";
import { keptBytes } from "./kept-bytes.js";

export const flags = { kills: "200", quota: "64", mib: "8", files: "40", atonce: "3" };

const MIB = 2 ** 20;

export async function test(given, stage) {
  const chance = new Chance(given.number("seed"));
  const folder = await stage.roomy(4e9);
  const quota = given.number("quota") * MIB;
  const fleet = await Fleet.start(stage, {
    folder,
    daemons: 1,
    supernodes: 1,
    mbit: 1000,
    flags: ["--quota", `${given.number("quota")}MiB`],
  });
  const [host] = fleet.hosts;
  const files = [];
  for (let nth = 0; nth < given.number("files"); nth++) {
    const name = `file-${nth}`;
    const bytes = chance.between(1, given.number("mib") * MIB);
    files.push({ name, bytes, digest: await makeContent(join(fleet.origin.root, name), bytes) });
  }
  const failures = [];
  const data = join(folder, host.name, "data");
  const counts = { kills: 0, downloads: 0, broken: 0, "most kept MiB": 0 };
  let going = true;

  const one = async (worker) => {
    const own = new Chance(given.number("seed") + worker + 1);
    while (going) {
      while (!host.up) await pause(20);
      const file = own.pick(files);
      const { deaths } = host;
      const output = join(folder, `out-${worker}`);
      const getting = host.running.get(`${fleet.origin.url}/${file.name}`, output, `get-${worker}.log`);
      const { code } = await getting.ended;
      if (code === 0) {
        counts.downloads++;
        if ((await digestOf(output)) !== file.digest) failures.push(`${file.name}: wrong bytes`);
      } else if (host.deaths === deaths && going) failures.push(`${file.name}: exit ${code}: ${getting.lastWords}`);
      else counts.broken++;
      await rm(output, { force: true });
    }
  };
  const watch = async () => {
    while (going) {
      const kept = await keptBytes(data);
      counts["most kept MiB"] = Math.max(counts["most kept MiB"], kept / MIB);
      await pause(50);
    }
  };
  const workers = Array.from({ length: given.number("atonce") }, (_, worker) => one(worker));
  const watching = watch();
  try {
    while (counts.kills < given.number("kills")) {
      await pause(chance.between(100, 1500));
      await host.die();
      counts.kills++;
      await host.start();
    }
  } finally {
    going = false;
  }
  await Promise.all([...workers, watching]);
  if (counts["most kept MiB"] * MIB > quota + given.number("atonce") * MIB) failures.push("the quota was exceeded");

  // What is there after the last restart is what the daemon knows of.
  await host.die();
  await host.start();
  const strays = await readdir(join(data, "trash"));
  if (strays.length > 0) failures.push(`left in the trash: ${strays.join(" ")}`);
  for (const file of files) {
    const output = join(folder, "last");
    const { code } = await host.running.get(`${fleet.origin.url}/${file.name}`, output, "last.log").ended;
    if (code !== 0 || (await digestOf(output)) !== file.digest)
      failures.push(`${file.name} at the end: exit ${code}, or wrong`);
  }
  return { tables: [{ title: "one daemon under kill -9", rows: [counts] }], failures: failures.slice(0, 20) };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
