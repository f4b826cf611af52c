// One file to many hosts, each behind its own capped link, against one curl alone in the same rack: the real programs, real sockets.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { joinToken, startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { Origin } from "./origin.js";
import { cpuBetween, cpuOf, cpuOfEnded } from "./process-cost.js";
import { RackNetwork } from "./rack-network.js";
import { mean, median, quantile } from "./statistics.js";
import { fetchByTorrent, torrentClients } from "./torrent-swarm.js";

export const flags = {
  n: "32",
  client: "50",
  server: "500",
  mib: "200",
  stagger: "0",
  slow: "",
  with: "",
  tls: "no",
  runs: "1",
};

/** @typedef {{ stage: import("./stage.js").Stage, folder: string, origin: Origin, seed: import("./rack-network.js").RackHost, source: import("./rack-network.js").RackHost, hosts: import("./rack-network.js").RackHost[], bytes: number, digest: string, staggerMs: number }} Rack */

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const others = given.words("with");
  for (const name of others)
    if (!Object.hasOwn(torrentClients, name)) throw new Error(`--with: unknown system ${name}`);
  const rack = await build(given, stage);
  const ways = { dragonfly: (place) => fetchByDragonfly(place, false) };
  if (given.has("tls")) ways["dragonfly, TLS"] = (place) => fetchByDragonfly(place, true);
  for (const name of others) ways[name] = (place) => fetchByTorrent(place, name);
  const rows = [];
  const failures = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    const curl = await curlAlone(rack);
    rows.push({ run, system: "curl alone", ...spread([curl], curl) });
    for (const [system, fetch] of Object.entries(ways)) {
      const before = await Promise.all([rack.source.sentBytes(), rack.seed.sentBytes()]);
      const { seconds, faults, costs } = await fetch(rack);
      failures.push(...faults.map((fault) => `run ${run}, ${system}: ${fault}`));
      const after = await Promise.all([rack.source.sentBytes(), rack.seed.sentBytes()]);
      const [originCopies, supernodeCopies] = after.map((sent, nth) => (sent - (before[nth] ?? 0)) / rack.bytes);
      rows.push({
        run,
        system,
        ...spread(seconds, curl),
        "origin copies": originCopies,
        "supernode copies": supernodeCopies,
        ...costs,
      });
    }
  }
  const tables = [{ title: "seconds; copies of the content sent, headers included; CPU seconds", rows }];
  if (given.has("tls")) tables.push(costOfTls(rows));
  return { tables, failures };
}

function costOfTls(rows) {
  const typical = (name) => median(rows.filter(({ system }) => system === name).map(({ p50 }) => p50));
  const [plain, tls] = [typical("dragonfly"), typical("dragonfly, TLS")];
  return { title: "medians of p50; target: TLS at most 1.03 of plain", rows: [{ plain, tls, ratio: tls / plain }] };
}

function spread(seconds, curl) {
  const max = quantile(seconds, 1);
  const [min, p90] = [quantile(seconds, 0), quantile(seconds, 0.9)];
  return { min, p50: median(seconds), p90, max, "p50/curl": median(seconds) / curl, "max/curl": max / curl };
}

/** @returns {Promise<Rack>} */
async function build(given, stage) {
  const n = given.number("n");
  const bytes = given.number("mib") << 20;
  // A copy in each cache and one in each output.
  const folder = await stage.roomy((2 * n + 3) * bytes + n * 120e6);
  const network = await RackNetwork.open(stage);
  const source = await network.join("origin", given.number("server"));
  const seed = await network.join("supernode", given.number("server"));
  const [slow = 0, slowMbit = 0] = given.text("slow").split(":").map(Number);
  const hosts = [];
  for (let nth = 1; nth <= n; nth++) {
    hosts.push(await network.join(`host${nth}`, nth > n - slow ? slowMbit : given.number("client")));
  }
  const origin = await Origin.start(stage, folder, source);
  const digest = await makeContent(join(origin.root, "file"), bytes);
  return { stage, folder, origin, seed, source, hosts, bytes, digest, staggerMs: given.number("stagger") * 1000 };
}

async function curlAlone({ stage, folder, origin, hosts: [first] }) {
  const output = join(folder, "curl");
  const elapsedMs = await stage.run("curl", ["-sf", "-o", output, `${origin.url}/file`], { network: first.network });
  await rm(output);
  return elapsedMs / 1000;
}

/** @param {Rack} rack @param {boolean} tls */
async function fetchByDragonfly({ stage, folder, origin, seed, hosts, digest, staggerMs }, tls) {
  const insecure = tls ? [] : ["--insecure"];
  const supernode = await startSupernode(stage, {
    folder: join(folder, "supernode"),
    address: `${seed.address}:8002`,
    network: seed.network,
    flags: insecure,
  });
  const flags = tls ? ["--token", await joinToken(stage, join(folder, "supernode"))] : insecure;
  const daemons = [];
  for (const { name, address, network } of hosts) {
    const place = { folder: join(folder, name), address: `${address}:65002`, network, flags };
    daemons.push(startDaemon(stage, { ...place, supernode: supernode.url }));
  }
  const started = await Promise.all(daemons);
  const all = [supernode.process, ...started.map(({ process }) => process)];
  const before = all.map(({ pid }) => cpuOf(pid));
  const gettersBefore = cpuOfEnded();
  const faults = [];
  const seconds = await Promise.all(
    started.map(async (host, nth) => {
      await pause((staggerMs * nth) / hosts.length);
      const output = join(folder, hosts[nth].name, "file");
      const getting = host.get(`${origin.url}/file`, output);
      const { code, endedMs } = await getting.ended;
      if (code !== 0) faults.push(`dfget on ${hosts[nth].name} ended with ${code}`);
      return (endedMs - getting.startedMs) / 1000;
    }),
  );
  const getters = cpuBetween(gettersBefore, cpuOfEnded());
  const [seedCpu, ...cpus] = all.map(({ pid }, nth) => cpuBetween(before[nth], cpuOf(pid)));
  for (const { name } of hosts) {
    if ((await digestOf(join(folder, name, "file"))) !== digest) faults.push(`wrong bytes on ${name}`);
  }
  await Promise.all(all.map((process) => process.stop()));
  for (const name of ["supernode", ...hosts.map((host) => host.name)])
    await rm(join(folder, name), { recursive: true });
  const costs = {
    "daemon user": mean(cpus.map(({ user }) => user)),
    "daemon sys": mean(cpus.map(({ system }) => system)),
    "daemon start": mean(before.slice(1).map(({ user, system }) => user + system)),
    dfget: (getters.user + getters.system) / hosts.length,
    "supernode user": seedCpu.user,
    "supernode sys": seedCpu.system,
  };
  return { seconds, faults, costs };
}

function pause(ms) {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}
