// Mixed work for a long time: memory, descriptors and latency must be flat. `npm run test:soak -- --minutes 120`.

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, makeContent } from "../bench/content.js";
import { median } from "../bench/statistics.js";
import { Chance } from "./chance.js";
import { Fleet } from "./fleet.js";

export const flags = {
  ...{ minutes: "10", daemons: "4", supernodes: "2", files: "60", quota: "128", mbit: "500" },
  ...{ atonce: "3", sample: "5" },
};

const KIB = 1024;
const sizes = [1, 64 * KIB, 300 * KIB, 1024 * KIB, 4096 * KIB, 16_384 * KIB];
/** The first third warms up; the last may exceed the second by so much. */
const most = { "memory MB": 1.1, descriptors: 1.1, "latency s": 1.25 };

export async function test(given, stage) {
  const chance = new Chance(given.number("seed"));
  const folder = await stage.roomy(6e9);
  const fleet = await Fleet.start(stage, {
    folder,
    daemons: given.number("daemons"),
    supernodes: given.number("supernodes"),
    mbit: given.number("mbit"),
    flags: ["--quota", `${given.number("quota")}MiB`],
  });
  const files = [];
  for (let nth = 0; nth < given.number("files"); nth++) {
    const name = `file-${nth}`;
    files.push({ name, digest: await makeContent(join(fleet.origin.root, name), sizes[nth % sizes.length] ?? 1) });
  }
  const failures = [];
  const latencies = [];
  const untilMs = performance.now() + given.number("minutes") * 60_000;
  const startedMs = performance.now();

  const work = async (worker) => {
    const own = new Chance(given.number("seed") + worker + 1);
    while (performance.now() < untilMs) {
      const file = own.pick(files);
      const host = own.pick(fleet.hosts);
      const output = join(folder, host.name, `out-${worker}`);
      const getting = host.running.get(`${fleet.origin.url}/${file.name}`, output, `get-${worker}.log`);
      const { code, endedMs } = await getting.ended;
      latencies.push({ atMs: endedMs - startedMs, value: (endedMs - getting.startedMs) / 1000 });
      if (code !== 0) failures.push(`${file.name} on ${host.name}: exit ${code}: ${getting.lastWords}`);
      else if ((await digestOf(output)) !== file.digest) failures.push(`${file.name} on ${host.name}: wrong bytes`);
      await rm(output, { force: true });
      await pause(chance.between(0, 200));
    }
  };
  const members = [...fleet.seeds, ...fleet.hosts];
  const samples = new Map(members.map(({ name }) => [name, { memory: [], descriptors: [] }]));
  const watch = async () => {
    while (performance.now() < untilMs) {
      for (const { name, process } of members) {
        const atMs = performance.now() - startedMs;
        const { memory, descriptors } = samples.get(name) ?? { memory: [], descriptors: [] };
        memory.push({ atMs, value: (await residentBytes(process.pid)) / 1e6 });
        descriptors.push({ atMs, value: (await readdir(`/proc/${process.pid}/fd`)).length });
      }
      await pause(given.number("sample") * 1000);
    }
  };
  await Promise.all([watch(), ...Array.from({ length: given.number("atonce") }, (_, worker) => work(worker))]);

  const rows = [{ of: "dfget", ...trend("latency s", latencies) }];
  for (const [name, { memory, descriptors }] of samples) {
    rows.push({ of: name, ...trend("memory MB", memory) }, { of: name, ...trend("descriptors", descriptors) });
  }
  for (const { of, what, second, third } of rows) {
    if (third > second * most[what] + (what === "descriptors" ? 3 : 0)) failures.push(`${what} of ${of} grows`);
  }
  const title = `${latencies.length} downloads in ${given.text("minutes")} minutes: medians of each third, and the slope after the first`;
  return { tables: [{ title, rows }], failures: failures.slice(0, 20) };
}

function trend(what, samples) {
  const end = samples.at(-1)?.atMs ?? 0;
  const third = (nth) =>
    median(
      samples.filter(({ atMs }) => atMs >= (nth * end) / 3 && atMs <= ((nth + 1) * end) / 3).map(({ value }) => value),
    );
  const late = samples.filter(({ atMs }) => atMs >= end / 3);
  return { what, first: third(0), second: third(1), third: third(2), "slope an hour": slope(late) * 3_600_000 };
}

/** By least squares, of value over milliseconds. */
function slope(samples) {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const atMs = mean((sample) => sample.atMs);
  const value = mean((sample) => sample.value);
  const spread = samples.reduce((sum, sample) => sum + (sample.atMs - atMs) ** 2, 0);
  return spread === 0 ? 0 : samples.reduce((sum, one) => sum + (one.atMs - atMs) * (one.value - value), 0) / spread;
}

async function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
