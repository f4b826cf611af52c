// Ten times as much content as the quota holds, in different files, several at once: the cache of the host and that of the supernode stay
// within their quotas and one piece, and every download is right.

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, makeContent } from "../bench/content.js";
import { Fleet } from "./fleet.js";
import { keptBytes } from "./kept-bytes.js";

export const flags = { quota: "1024", total: "10240", each: "96", atonce: "3" };

const MIB = 2 ** 20;

export async function test(given, stage) {
  const folder = await stage.roomy(4e9);
  const quota = given.number("quota") * MIB;
  const quotaFlags = ["--quota", `${given.number("quota")}MiB`];
  const fleet = await Fleet.start(stage, {
    ...{ folder, daemons: 1, supernodes: 1, mbit: 10_000 },
    ...{ flags: quotaFlags, seedFlags: quotaFlags },
  });
  const [host] = fleet.hosts;
  const [seed] = fleet.seeds;
  const failures = [];
  const eachBytes = given.number("each") * MIB;
  let left = Math.ceil((given.number("total") * MIB) / eachBytes);
  let downloads = 0;
  let going = true;

  const work = async (worker) => {
    for (let nth = left--; nth > 0; nth = left--) {
      const name = `file-${nth}`;
      const [content, output] = [join(fleet.origin.root, name), join(folder, `out-${worker}`)];
      const digest = await makeContent(content, eachBytes);
      const getting = host.running.get(`${fleet.origin.url}/${name}`, output, `get-${worker}.log`);
      const { code } = await getting.ended;
      if (code !== 0) failures.push(`${name}: exit ${code}: ${getting.lastWords}`);
      else if ((await digestOf(output)) !== digest) failures.push(`${name}: wrong bytes`);
      else downloads++;
      await Promise.all([rm(content), rm(output, { force: true })]);
    }
  };
  const watched = [host, seed].map(({ name }) => ({ of: name, data: join(folder, name, "data"), most: 0, piece: 0 }));
  const watch = async () => {
    while (going) {
      for (const cache of watched) {
        cache.most = Math.max(cache.most, await keptBytes(cache.data));
        if (cache.piece === 0) cache.piece = await pieceBytes(cache.data);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const watching = watch();
  await Promise.all(Array.from({ length: given.number("atonce") }, (_, worker) => work(worker)));
  going = false;
  await watching;
  await fleet.stop();
  const rows = watched.map(({ of, most, piece }) => {
    if (most > quota + piece) failures.push(`${of} kept ${most - quota} bytes more than its quota`);
    return { of, downloads, "quota MiB": quota / MIB, "most kept MiB": most / MIB, "piece MiB": piece / MIB };
  });
  const title = `${given.text("total")} MiB of different files, ${given.text("atonce")} at once`;
  return { tables: [{ title, rows }], failures: failures.slice(0, 20) };
}

/** How its versions are cut; 0 while there is none. */
async function pieceBytes(data) {
  const folder = join(data, "versions");
  const [name] = await readdir(folder).catch(() => []);
  if (name === undefined) return 0;
  const text = await readFile(join(folder, name, "version.json"), "utf8").catch(() => "{}");
  return JSON.parse(text).version?.pieceLength ?? 0;
}
