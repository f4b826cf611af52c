// Origins that are slow, stall, break off, change, lie about their length or are busy, read by several hosts at once: each host gets the right
// bytes of one version, or one error that blames the origin, and none waits longer than it was told to.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { digestOf } from "../bench/content.js";
import { contentOf, faults } from "./faulty-origin.js";
import { Fleet } from "./fleet.js";

export const flags = { daemons: "4", mib: "24", patience: "60", with: Object.keys(faults).join(",") };

export async function test(given, stage) {
  const folder = await stage.roomy(2e9);
  const fleet = await Fleet.start(stage, { folder, daemons: given.number("daemons"), supernodes: 1, mbit: 1000 });
  const failures = [];
  const rows = [];
  let port = 8000;
  for (const fault of given.words("with")) {
    // Each has a port of its own: who was isolated for one fault is not asked about the next.
    const { row, failures: own } = await read(fault, { given, stage, fleet, port: port++ });
    rows.push(row);
    failures.push(...own.map((failure) => `${fault}: ${failure}`));
  }
  await fleet.stop();
  const title = `${given.text("daemons")} hosts at once, ${given.text("mib")} MiB from an origin that has a fault`;
  return { tables: [{ title, rows }], failures };
}

async function read(fault, { given, stage, fleet, port }) {
  const bytes = given.number("mib") << 20;
  const { source, folder } = fleet;
  const program = new URL("faulty-origin.js", import.meta.url).pathname;
  const log = join(folder, `origin-${port}.log`);
  const network = source.network;
  const origin = stage.start("node", [program, fault, source.address, port, bytes].map(String), { log, network });
  await origin.said(/origin ready/);
  const right = new Set([1, 2].flatMap((version) => digestsOf(fault, contentOf(fault, bytes, version))));
  const url = `http://${source.address}:${port}/file`;
  const patienceSeconds = given.number("patience");
  const ends = await Promise.all(
    fleet.hosts.map(async ({ running, name }) => {
      const output = join(folder, name, `file-${port}`);
      const getting = running.get(url, output, `${port}.log`, ["--timeout", `${patienceSeconds}s`]);
      const { code, endedMs } = await getting.ended;
      const words = getting.lastWords.replace(/^:\s*/, "");
      return { code, words, seconds: (endedMs - getting.startedMs) / 1000, digest: await digestOf(output) };
    }),
  );
  await origin.stop();
  const failures = [];
  for (const { code, words, seconds, digest } of ends) {
    if (code === 0 && !right.has(digest)) failures.push("wrong bytes");
    if (code !== 0 && digest !== undefined) failures.push(`exit ${code}, and an output`);
    // 3 and 4 are what an origin is to blame for.
    if (code !== 0 && code !== 3 && code !== 4) failures.push(`exit ${code}: ${words}`);
    if (code !== 0 && !/^dfget: [^\n]*$/.test(words)) failures.push(`not one line: ${words}`);
    if (seconds > patienceSeconds + 1) failures.push(`it took ${seconds.toFixed(1)} s`);
  }
  const errors = new Set(ends.filter(({ code }) => code !== 0).map(({ code, words }) => `${code}: ${words}`));
  const row = {
    origin: fault,
    right: ends.filter(({ code }) => code === 0).length,
    refused: ends.filter(({ code }) => code === 3 || code === 4).length,
    "max s": Math.max(...ends.map(({ seconds }) => seconds)),
    "exit and error": [...errors].join(" / "),
  };
  return { row, failures: [...new Set(failures)] };
}

/** Who says less than it has has told where the content ends. */
function digestsOf(fault, content) {
  const { announced = 1 } = faults[fault];
  const told = content.subarray(0, Math.round(content.length * Math.min(1, announced)));
  return [createHash("sha256").update(told).digest("hex")];
}
