// One daemon's disk to another's over loopback, verified and stored, against `curl -o` and sha256sum from nginx on the same file system.
// The supernode knows the content but sends none of it.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { HeldContent } from "./held-content.js";
import { cpuBetween, cpuOf } from "./process-cost.js";
import { median } from "./statistics.js";

export const flags = { mib: "1024", runs: "5" };

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const held = await HeldContent.make(stage, given.number("mib") << 20);
  const rows = [];
  const failures = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    const plain = await plainDownload(held);
    const { seconds, cpu, fault } = await swarmDownload(held);
    if (fault !== undefined) failures.push(fault);
    rows.push({ run, "curl + sha256sum s": plain, "dfget s": seconds, ratio: seconds / plain, ...cpu });
  }
  const ratio = median(rows.map((row) => row.ratio));
  const total = {
    run: "median",
    ...Object.fromEntries(
      Object.keys(rows[0] ?? {})
        .slice(1)
        .map((key) => [key, median(rows.map((row) => row[key]))]),
    ),
    ratio,
  };
  return { tables: [{ title: "seconds; target: ratio at most 0.7", rows: [...rows, total] }], failures };
}

async function plainDownload({ stage, url }) {
  const output = join(stage.folder, "plain");
  const elapsedMs = await stage.run("sh", ["-c", `curl -sf -o '${output}' '${url}' && sha256sum '${output}'`]);
  await rm(output);
  return elapsedMs / 1000;
}

async function swarmDownload(held) {
  const { holder, stage } = held;
  const taker = await held.daemon("taker");
  const output = join(stage.folder, "out");
  const [giverBefore, takerBefore] = [holder, taker].map(({ process }) => cpuOf(process.pid));
  const elapsedMs = await taker.fetch(held.url, output);
  const given = cpuBetween(giverBefore, cpuOf(holder.process.pid));
  const taken = cpuBetween(takerBefore, cpuOf(taker.process.pid));
  const fault = await held.fault(output);
  await taker.process.stop();
  await rm(taker.folder, { recursive: true });
  await rm(output);
  const cpu = { "giver CPU s": given.user + given.system, "taker CPU s": taken.user + taken.system };
  return { seconds: elapsedMs / 1000, cpu, fault };
}
