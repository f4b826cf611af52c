// One image layer from a real registry, by curl: straight, through a mirror that holds nothing yet, and through one that holds it. Each on a
// host of its own behind a capped link, as in the rack.

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon, startSupernode } from "./cluster.js";
import { digestOf, makeContent } from "./content.js";
import { cpuBetween, cpuOf } from "./process-cost.js";
import { RackNetwork } from "./rack-network.js";
import { median } from "./statistics.js";

export const flags = { mib: "500", client: "1000", server: "1000", runs: "5" };

const port = 5000;

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const bytes = given.number("mib") << 20;
  const folder = await stage.roomy(6 * bytes);
  const network = await RackNetwork.open(stage);
  const source = await network.join("registry", given.number("server"));
  const seed = await network.join("supernode", given.number("server"));
  const host = await network.join("host1", given.number("client"));
  const layer = await pushLayer(stage, { folder, source, bytes });
  const place = { stage, folder, seed, host, registry: layer.registry };
  const rows = [];
  const failures = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    const direct = await pull(place, `${layer.registry}${layer.path}`);
    const { cold, warm, cpu } = await mirrored(place, layer.path);
    for (const [name, { digest }] of Object.entries({ direct, cold, warm })) {
      if (digest !== layer.digest) failures.push(`run ${run}: wrong bytes, ${name}`);
    }
    rows.push({
      run,
      "direct s": direct.seconds,
      "cold s": cold.seconds,
      "cold/direct": cold.seconds / direct.seconds,
      "warm/direct": warm.seconds / direct.seconds,
      "first byte ms": (cold.firstByte - direct.firstByte) * 1000,
      ...cpu,
    });
  }
  const columns = Object.keys(rows[0] ?? {}).slice(1);
  const total = {
    run: "median",
    ...Object.fromEntries(columns.map((key) => [key, median(rows.map((row) => row[key]))])),
  };
  const title =
    "seconds of curl; first byte: later than the registry's own; targets: cold/direct 1.1, warm/direct 1, 200 ms";
  return { tables: [{ title, rows: [...rows, total] }], failures };
}

/** A layer of random bytes, which no program can compress. */
async function pushLayer(stage, { folder, source, bytes }) {
  const config = join(folder, "registry.yml");
  const registry = `http://${source.address}:${port}`;
  await writeFile(config, registryConfig(join(folder, "registry"), `${source.address}:${port}`));
  stage.start("docker-registry", ["serve", config], { network: source.network });
  const inside = { network: source.network };
  await stage.run(
    "curl",
    ["-sf", "--retry", "50", "--retry-connrefused", "--retry-delay", "0", `${registry}/v2/`],
    inside,
  );
  const file = join(folder, "layer");
  const digest = await makeContent(file, bytes);
  const head = join(folder, "head");
  await stage.run("curl", ["-sf", "-X", "POST", "-D", head, "-d", "", `${registry}/v2/bench/blobs/uploads/`], inside);
  const [, location] = /^location: (\S+)/im.exec(await readFile(head, "utf8")) ?? [];
  const name = `sha256:${digest}`;
  await stage.run("curl", ["-sf", "-T", file, `${location}&digest=${name}`], inside);
  await rm(file);
  return { registry, path: `/v2/bench/blobs/${name}`, digest };
}

function registryConfig(root, address) {
  const storage = { filesystem: { rootdirectory: root } };
  const log = { level: "error", accesslog: { disabled: true } };
  // YAML is a superset of JSON.
  return JSON.stringify({ version: 0.1, log, storage, http: { addr: address } });
}

async function mirrored({ stage, folder, seed, host, registry }, path) {
  const supernode = await startSupernode(stage, {
    folder: join(folder, "supernode"),
    address: `${seed.address}:8002`,
    network: seed.network,
    flags: ["--insecure"],
  });
  const daemon = await startDaemon(stage, {
    folder: join(folder, "host"),
    supernode: supernode.url,
    address: `${host.address}:65002`,
    network: host.network,
    flags: ["--insecure", "--proxy", "127.0.0.1:65001", "--registry", registry],
  });
  const processes = [supernode.process, daemon.process];
  const before = processes.map(({ pid }) => cpuOf(pid));
  const mirror = `http://127.0.0.1:65001${path}`;
  const cold = await pull({ stage, folder, host }, mirror);
  const [seedCpu, hostCpu] = processes.map(({ pid }, nth) => cpuBetween(before[nth], cpuOf(pid)));
  const warm = await pull({ stage, folder, host }, mirror);
  await Promise.all(processes.map((process) => process.stop()));
  for (const name of ["supernode", "host"]) await rm(join(folder, name), { recursive: true });
  const cpu = { "supernode CPU s": seedCpu.user + seedCpu.system, "daemon CPU s": hostCpu.user + hostCpu.system };
  return { cold, warm, cpu };
}

async function pull({ stage, folder, host }, url) {
  const output = join(folder, "pulled");
  const log = join(folder, "times");
  const times = ["-w", "%{stderr}%{time_starttransfer} %{time_total}"];
  await stage.run("curl", ["-sf", "-o", output, ...times, url], { network: host.network, log });
  const [firstByte = 0, seconds = 0] = (await readFile(log, "utf8")).trim().split(" ").map(Number);
  const digest = await digestOf(output);
  await rm(output);
  return { firstByte, seconds, digest };
}
