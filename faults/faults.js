// The fault suite: real processes and sockets, faults from outside. `npm run test:faults -- [NAME…] [--flag VALUE…]`; every run tells its seed.

import { parseFlags } from "../bench/flags.js";
import { machine, print } from "../bench/report.js";
import { Stage } from "../bench/stage.js";

const cases = {
  crowd: { summary: "a thousand dfgets at once against one daemon", load: () => import("./crowd.js") },
  eviction: { summary: "kill -9 at random moments of downloads and evictions", load: () => import("./eviction.js") },
  host: { summary: "limits, and another program that takes the link", load: () => import("./host.js") },
  neighbours: { summary: "one neighbour that lies, stalls or crawls", load: () => import("./neighbours.js") },
  origins: { summary: "origins that stall, break off, change, lie or are busy", load: () => import("./origins.js") },
  quota: { summary: "ten times the quota in different files", load: () => import("./quota.js") },
  soak: { summary: "mixed work for long", load: () => import("./soak.js"), only: true },
  stampede: {
    summary: "thousands of daemons at a supernode that is killed and stopped",
    load: () => import("./stampede.js"),
  },
  storm: {
    summary: "1,000 downloads while everything is killed, stopped, cut off and spoiled",
    load: () => import("./storm.js"),
  },
};

async function main(args) {
  const names = args.filter((arg, nth) => Object.hasOwn(cases, arg) && !args[nth - 1]?.startsWith("--"));
  const rest = args.filter((arg) => !names.includes(arg));
  if (rest.includes("--help")) {
    const lines = Object.entries(cases).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
    process.stderr.write(`npm run test:faults -- [NAME…] [--seed N] [--json]\n${lines.join("\n")}\n`);
    return 0;
  }
  let failed = 0;
  const all = Object.keys(cases).filter((name) => cases[name].only !== true);
  for (const name of names.length === 0 ? all : names) {
    const { flags, test } = await cases[name].load();
    const given = parseFlags({ seed: String(Date.now() % 1_000_000), ...flags }, rest);
    const stage = await Stage.open(given.text("dir"));
    try {
      process.stderr.write(`${name}: --seed ${given.text("seed")}\n`);
      const result = await test(given, stage);
      print({ measure: name, machine: machine(), flags: given.all, ...result }, given.has("json"));
      failed += result.failures.length;
    } finally {
      await stage.close();
    }
  }
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`faults: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
