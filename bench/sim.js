// The standard cases of `dragonfly simulate`: ten thousand hosts in virtual time.

import { once } from "node:events";
import { program } from "./cluster.js";

export const flags = { hosts: "10000", size: "200MiB", seeds: "1" };

const cases = [
  ["equal links", ["--down", "200Mbps", "--up", "200Mbps", "--seed-up", "2Gbps"]],
  ["slow uplinks", ["--down", "200Mbps", "--up", "100Mbps", "--seed-up", "2Gbps"]],
  ["far apart", ["--down", "200Mbps", "--up", "200Mbps", "--seed-up", "2Gbps", "--latency", "20ms"]],
];

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const rows = [];
  const failures = [];
  for (const [name, links] of cases) {
    for (let seed = 1; seed <= given.number("seeds"); seed++) {
      const common = ["--hosts", given.text("hosts"), "--size", given.text("size"), "--seed", String(seed), "--json"];
      const result = await simulate(stage, [...common, ...links]);
      if (typeof result === "string") failures.push(`${name}, seed ${seed}: ${result}`);
      else rows.push({ case: name, seed, ...chosen(result) });
    }
  }
  return { tables: [{ title: "seconds of virtual time; copies of the content", rows }], failures };
}

async function simulate(stage, args) {
  const running = stage.start("node", program("dragonfly", "simulate", ...args), { stdout: "pipe" });
  let text = "";
  running.stdout?.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  if (running.stdout !== null) await once(running.stdout, "end");
  const { code, endedMs } = await running.ended;
  if (code !== 0) return `it ended with ${code}`;
  return { ...JSON.parse(text), realSeconds: (endedMs - running.startedMs) / 1000 };
}

function chosen(result) {
  const { boundSeconds, p50, p90, p99, max, originCopies, seedCopies, duplicates, realSeconds } = result;
  return {
    bound: boundSeconds,
    p50,
    p90,
    p99,
    max,
    "max / bound": max / boundSeconds,
    originCopies,
    seedCopies,
    duplicates,
    "real s": realSeconds,
  };
}
