// `dragonfly simulate`: how long a swarm would take, from the production code in virtual time.

import { readFile, writeFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import { outputError } from "../local/output.ts";
import { loadConfig, type Schema, surroundings } from "../runtime/config.ts";
import { duration, file, rate, size, toggle } from "../runtime/kinds.ts";
import { logSettings } from "../runtime/log-settings.ts";
import { type Kind, optional, setting } from "../runtime/setting.ts";
import { formatBytes } from "../runtime/units.ts";
import { parseFaults } from "../sim/fault.ts";
import type { Measurement, Summary } from "../sim/measurement.ts";
import { plot } from "../sim/plot.ts";
import type { Scenario } from "../sim/scenario.ts";
import { simulate as run } from "../sim/simulation.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

const mostHosts = 100_000;

const number = (least: number, most: number): Kind<number> => ({
  placeholder: "N",
  parse(raw) {
    const value = typeof raw === "string" && /^\d+$/.test(raw.trim()) ? Number(raw) : raw;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new DragonflyError("bad-config", `"${String(raw)}" is not a whole number from ${least} to ${most}`);
  },
});

/** A link that carries nothing would never bring anything. */
const link: Kind<number> = {
  placeholder: "RATE",
  parse(raw) {
    const value = rate.parse(raw);
    if (value > 0) return value;
    throw new DragonflyError("bad-config", "a link needs a rate above 0, for example 200Mbps");
  },
};

const only = "flag";
const settings = {
  hosts: setting({ name: "hosts", kind: number(1, mostHosts), only, help: "how many hosts want the file" }, "1000"),
  size: setting({ name: "size", kind: size, only, help: "of the file" }, "200MiB"),
  pieceLength: optional({ name: "piece-length", kind: size, only, help: "as the size gives it unless said" }),
  down: setting({ name: "down", kind: link, only, help: "each host's downlink" }, "200Mbps"),
  up: setting({ name: "up", kind: link, only, help: "each host's uplink" }, "200Mbps"),
  seedUp: setting({ name: "seed-up", kind: link, only, help: "the supernode's uplink" }, "2Gbps"),
  seeds: setting({ name: "seeds", kind: number(1, 64), only, help: "how many seeds, each with such an uplink" }, "1"),
  originRate: optional({
    name: "origin-rate",
    kind: link,
    only,
    help: "how fast the origin is read (as the seeds send)",
  }),
  latency: setting({ name: "latency", kind: duration, only, help: "between any two, one way" }, "1ms"),
  stagger: setting({ name: "stagger", kind: duration, only, help: "hosts join within this time" }, "200ms"),
  reader: setting(
    { name: "reader", kind: toggle, only, help: "every host reads the file in order as it comes" },
    "false",
  ),
  racks: setting({ name: "racks", kind: number(0, 10_000), only, help: "hosts stand in so many racks" }, "0"),
  zones: setting({ name: "zones", kind: number(0, 1000), only, help: "and in so many zones" }, "0"),
  rackRate: setting({ name: "rack-rate", kind: rate, only, help: "between a rack and the rest; 0 is unlimited" }, "0"),
  faults: optional({
    name: "faults",
    kind: file,
    only,
    help: "JSON: hosts that die, stall, are slow or send broken pieces",
  }),
  seed: setting(
    { name: "seed", kind: number(0, 2 ** 31 - 1), only, help: "of chance; the same gives the same result" },
    "1",
  ),
  plot: optional({ name: "plot", kind: file, only, help: "draw the completion of the hosts into this SVG file" }),
  json: setting({ name: "json", kind: toggle, only, help: "print one JSON object" }, "false"),
  ...logSettings,
};

interface SimulateConfig {
  readonly scenario: Omit<Scenario, "faults">;
  readonly faults: string | undefined;
  readonly plot: string | undefined;
  readonly json: boolean;
}

const schema: Schema<typeof settings, SimulateConfig> = {
  role: "simulate",
  settings,
  check: ({ values }) => [
    ...(values.size === 0 ? ["--size must be more than 0"] : []),
    ...(values.pieceLength === 0 ? ["--piece-length must be more than 0"] : []),
    ...(values.rackRate !== 0 && values.racks === 0 ? ["--rack-rate needs --racks"] : []),
  ],
  config: ({ hosts, size: bytes, down, up, seedUp, seeds, reader, racks, zones, rackRate, seed, ...rest }) => ({
    scenario: {
      ...{ hosts, size: bytes, down, up, seedUp, seeds, reader, racks, zones, rackRate, seed },
      latencyMs: rest.latency,
      staggerMs: rest.stagger,
      ...(rest.pieceLength === undefined ? {} : { pieceLength: rest.pieceLength }),
      ...(rest.originRate === undefined ? {} : { originRate: rest.originRate }),
    },
    faults: rest.faults,
    plot: rest.plot,
    json: rest.json,
  }),
};

export const simulate: Command = {
  description:
    "Runs the scheduler and downloads of so many hosts in virtual time and tells how close they come to the bound.",
  settings,
  examples: [
    ["--hosts 10000 --seed-up 2Gbps", "200 MiB to ten thousand hosts; takes a few minutes"],
    ["--hosts 1200 --faults faults.json --plot swarm.svg", "with faults, and a picture"],
  ],
  async run({ flags, io }) {
    const { scenario, faults, plot: picture, json } = await loadConfig(schema, flags, surroundings(io.env));
    const listed = faults === undefined ? [] : parseFaults(await readText(faults));
    const measurement = run({ ...scenario, faults: listed });
    if (picture !== undefined) await writeText(picture, plot(measurement));
    io.stdout.write(json ? `${JSON.stringify(measurement.summary)}\n` : report(measurement));
    return 0;
  },
};

function report({ summary }: Measurement): string {
  const { boundSeconds } = summary;
  const times: readonly (readonly [string, number])[] = [
    ["bound", boundSeconds],
    ["p50", summary.p50],
    ["p90", summary.p90],
    ["p99", summary.p99],
    ["last", summary.max],
  ];
  const rows = times.map(([name, seconds]) => [name, seconds.toFixed(2), (seconds / boundSeconds).toFixed(3)]);
  return `${table(["HOSTS", "SECONDS", "OF THE BOUND"], rows)}\n${facts(summary)}`;
}

function facts(summary: Summary): string {
  const { hosts, complete, died, size: bytes, pieces, pieceLength, originCopies, seedCopies, duplicates } = summary;
  const dead = died === 0 ? "" : `, ${died} died`;
  return [
    `${complete} of ${hosts} hosts complete${dead}; ${formatBytes(bytes)} in ${pieces} pieces of ${formatBytes(pieceLength)}`,
    `the origin was read ${originCopies} time, the seed sent ${seedCopies.toFixed(2)} copies, duplicates ${(duplicates * 100).toFixed(2)} %`,
    "",
  ].join("\n");
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new DragonflyError("bad-usage", `${path} cannot be read`, { cause });
  }
}

async function writeText(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw outputError(error, path);
  }
}
