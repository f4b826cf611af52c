// The built programs, as users start them.

import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const programs = fileURLToPath(new URL("../bin/", import.meta.url));
/** What the programs are run with, such as `--cpu-prof`, for who looks for waste. */
const nodeFlags = (process.env.BENCH_NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");

export function program(name, ...args) {
  if (!existsSync(new URL("../dist/programs/dragonfly.cjs", import.meta.url)))
    throw new Error('run "npm run build" first');
  return [join(programs, `${name}.js`), ...args];
}

/**
 * @param {import("./stage.js").Stage} stage
 * @param {{ folder: string, address?: string, network?: string, flags?: readonly string[], log?: string }} options
 */
export async function startSupernode(
  stage,
  { folder, address = "127.0.0.1:0", network, flags = [], log = "supernode.log" },
) {
  await mkdir(folder, { recursive: true });
  const args = program("dragonfly", "supernode", "--listen", address, "--data-dir", join(folder, "data"), ...flags);
  const process = stage.start("node", [...nodeFlags, ...args], {
    log: join(folder, log),
    ...inside(network),
  });
  const [, url] = await process.said(/supernode ready on (\S+)/);
  return { process, url };
}

/**
 * @param {import("./stage.js").Stage} stage
 * @param {{ folder: string, supernode: string | readonly string[], address?: string, network?: string, flags?: readonly string[], log?: string, joined?: boolean }} options `joined`: wait for the supernodes.
 */
export async function startDaemon(
  stage,
  { folder, supernode, address = "127.0.0.1:0", network, flags = [], log = "daemon.log", joined = true },
) {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, "d.sock");
  const own = ["--listen", address, "--proxy", "off", "--socket", socket, "--data-dir", join(folder, "data")];
  const supernodes = [supernode].flat().flatMap((url) => ["--supernode", url]);
  const args = program("dragonfly", "daemon", ...own, ...supernodes, "--log-level", "info", ...flags);
  const process = stage.start("node", [...nodeFlags, ...args], { log: join(folder, log), ...inside(network) });
  await process.said(/daemon ready/);
  const all = [supernode].flat().map(() => "joined supernode");
  if (joined) await process.said(new RegExp(all.join("[^]*")));
  return new DaemonHost(stage, { folder, socket, process, network, supernodes });
}

/** What lets a daemon join the supernode of this folder over TLS. */
export async function joinToken(stage, folder) {
  const [command, ...args] = ["node", ...program("dragonfly", "token", "create", "--data-dir", join(folder, "data"))];
  const log = join(folder, "token");
  await stage.run(command, args, { log });
  return (await readFile(log, "utf8")).trim();
}

export class DaemonHost {
  #stage;
  #network;
  #supernodes;

  constructor(stage, { folder, socket, process, network, supernodes }) {
    this.#stage = stage;
    this.#network = network;
    this.#supernodes = supernodes;
    this.folder = folder;
    this.socket = socket;
    this.process = process;
  }

  /** What to start for a dfget on this host that writes to the path. */
  get(url, output, log = "get.log", flags = []) {
    // Where the daemon is away, the one that dfget starts is of the same cluster.
    const args = program("dfget", url, "-o", output, "--socket", this.socket, "--overwrite", "-q");
    args.push(...this.#supernodes, ...flags);
    return this.#stage.start("node", args, { log: join(this.folder, log), ...inside(this.#network) });
  }

  async fetch(url, output) {
    const { ended, startedMs } = this.get(url, output);
    const { code, endedMs } = await ended;
    if (code !== 0) throw new Error(`dfget ended with ${code}, see ${this.folder}`);
    return endedMs - startedMs;
  }
}

function inside(network) {
  return network === undefined ? {} : { network };
}
