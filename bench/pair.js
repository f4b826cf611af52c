// One daemon's disk to another's over loopback, verified and stored, against `curl -o` and sha256sum from nginx on the same file system; and
// the same with an output file, which is a second copy. The supernode knows the content but sends none of it.

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
    const stored = await swarmDownload(held, "/dev/null");
    const copied = await swarmDownload(held, join(stage.folder, "out"));
    for (const { fault } of [stored, copied]) if (fault !== undefined) failures.push(fault);
    rows.push({
      run,
      "curl + sha256sum s": plain,
      "stored s": stored.seconds,
      ratio: stored.seconds / plain,
      ...stored.cpu,
      "with output s": copied.seconds,
      "its ratio": copied.seconds / plain,
    });
  }
  const total = {
    run: "median",
    ...Object.fromEntries(
      Object.keys(rows[0] ?? {})
        .slice(1)
        .map((key) => [key, median(rows.map((row) => row[key]))]),
    ),
  };
  return { tables: [{ title: "seconds; target: ratio at most 0.7", rows: [...rows, total] }], failures };
}

async function plainDownload({ stage, url }) {
  const output = join(stage.folder, "plain");
  const elapsedMs = await stage.run("sh", ["-c", `curl -sf -o '${output}' '${url}' && sha256sum '${output}'`]);
  await rm(output);
  return elapsedMs / 1000;
}

/** What was stored is proved by an output that is made of it, afterwards if need be. */
async function swarmDownload(held, output) {
  const { holder, stage } = held;
  const taker = await held.daemon("taker");
  const [giverBefore, takerBefore] = [holder, taker].map(({ process }) => cpuOf(process.pid));
  const elapsedMs = await taker.fetch(held.url, output);
  const given = cpuBetween(giverBefore, cpuOf(holder.process.pid));
  const taken = cpuBetween(takerBefore, cpuOf(taker.process.pid));
  const proof = join(stage.folder, "proof");
  await taker.fetch(held.url, proof);
  const fault = await held.fault(proof);
  await taker.process.stop();
  await rm(taker.folder, { recursive: true });
  await rm(proof);
  if (output !== "/dev/null") await rm(output);
  const cpu = { "giver CPU s": given.user + given.system, "taker CPU s": taken.user + taken.system };
  return { seconds: elapsedMs / 1000, cpu, fault };
}
