// Measurements that anyone can repeat: `npm run bench -- NAME [flags]`. Each prints a table, or JSON, with the machine it ran on.

import { parseFlags } from "./flags.js";
import { machine, print } from "./report.js";
import { Stage } from "./stage.js";

/** @type {Record<string, { summary: string, load: () => Promise<{ flags: Record<string, string>, measure: import("./report.js").Measure }> }>} */
const measures = {
  rack: { summary: "one file to many hosts on capped links", load: () => import("./rack.js") },
  pair: { summary: "1 GiB from one daemon to another, against curl and sha256sum", load: () => import("./pair.js") },
  small: { summary: "small files and start-up, as whole processes, against curl", load: () => import("./small.js") },
  pull: {
    summary: "one image layer from a registry: straight, through a cold and a warm mirror",
    load: () => import("./pull.js"),
  },
  cpu: { summary: "processor time of a daemon that receives 1 GB and sends 1 GB", load: () => import("./cpu.js") },
  control: {
    summary: "one supernode with 10,000 control channels and 1,000 tasks",
    load: () => import("./control.js"),
  },
  failover: {
    summary: "a supernode killed in the middle, with a second one and with none",
    load: () => import("./failover.js"),
  },
  console: {
    summary: "the console's live page of a task with 32 hosts: processor time of browser and supernode",
    load: () => import("./console.js"),
  },
  sim: { summary: "the standard cases of the simulator", load: () => import("./sim.js") },
};

async function main([name = "", ...args]) {
  const entry = Object.hasOwn(measures, name) ? measures[name] : undefined;
  if (entry === undefined) {
    const lines = Object.entries(measures).map(([known, { summary }]) => `  ${known.padEnd(8)} ${summary}`);
    process.stderr.write(`npm run bench -- NAME [--json] [flags]\n${lines.join("\n")}\n`);
    return name === "" || name === "--help" ? 0 : 2;
  }
  const { flags, measure } = await entry.load();
  if (args.includes("--help")) {
    const lines = Object.entries(flags).map(([flag, value]) => `  --${flag.padEnd(12)} ${value === "" ? "-" : value}`);
    process.stderr.write(`npm run bench -- ${name}: flags and what they are by default\n${lines.join("\n")}\n`);
    return 0;
  }
  const given = parseFlags(flags, args);
  const stage = await Stage.open(given.text("dir"));
  try {
    const result = await measure(given, stage);
    print({ measure: name, machine: machine(), flags: given.all, ...result }, given.has("json"));
    return result.failures.length === 0 ? 0 : 1;
  } finally {
    await stage.close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
