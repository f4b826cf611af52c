// A cluster on loopback made of the built programs: one supernode, some hosts with a daemon each, and a folder for all that they write.

import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, Program, type ProgramOptions } from "./program.ts";

export interface ProcessSwarmOptions {
  readonly hosts?: number;
  /** False: none is configured. A URL: a foreign one, perhaps one that nobody serves. */
  readonly supernode?: boolean | string;
  readonly supernodeFlags?: readonly string[];
  readonly daemonFlags?: readonly string[];
  /** A dfget that takes longer is killed. */
  readonly killAfterMs?: number;
}

/** One machine of the cluster, as far as one machine can be several. */
export class ProcessHost {
  /** Where its dfgets run and write to. */
  readonly folder: string;
  readonly socket: string;
  readonly dataDir: string;
  daemon: Program | undefined;
  readonly #flags: readonly string[];
  readonly #killAfterMs: number;

  constructor(folder: string, flags: readonly string[], killAfterMs = 60_000) {
    this.folder = join(folder, "out");
    this.socket = join(folder, "d.sock");
    this.dataDir = join(folder, "data");
    this.#flags = flags;
    this.#killAfterMs = killAfterMs;
  }

  /** Resolves when the daemon serves. */
  async start(under: readonly string[] = []): Promise<Program> {
    await mkdir(this.folder, { recursive: true });
    const own = ["--listen", "127.0.0.1:0", "--proxy", "off", "--socket", this.socket, "--data-dir", this.dataDir];
    const daemon = new Program("dfdaemon", [...own, "--log-level", "debug", ...this.#flags], {
      ...longLived(this.folder),
      under,
    });
    this.daemon = daemon;
    await daemon.said("stdout", /^daemon ready: .*\n/);
    if (this.#flags.includes("--supernode")) await daemon.said("stderr", /joined supernode|supernode unreachable/);
    return daemon;
  }

  /** Runs dfget to its end. */
  get(...args: readonly string[]): Promise<Outcome> {
    return this.begin(...args).ended;
  }

  /** A dfget that runs. */
  begin(...args: readonly string[]): Program {
    return new Program("dfget", [...args, "--socket", this.socket], {
      cwd: this.folder,
      killAfterMs: this.#killAfterMs,
    });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Names in the output folder, hidden ones too. */
  files(): Promise<string[]> {
    return readdir(this.folder);
  }

  /** Of the registry mirror; empty where there is none. */
  get proxyUrl(): string {
    return /proxy (http:\S+),/.exec(String(this.daemon?.stdout))?.[1] ?? "";
  }

  /** A GET at the daemon's local API. */
  ask(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.socket, path, headers: { host: "localhost" }, agent: false });
      asked.once("error", reject);
      asked.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("end", () => resolve(text));
      });
      asked.end();
    });
  }
}

export class ProcessSwarm {
  readonly folder: string;
  readonly hosts: readonly ProcessHost[];
  /** `http://127.0.0.1:port`; empty where there is none. */
  supernodeUrl = "";
  supernode: Program | undefined;

  private constructor(folder: string, hosts: readonly ProcessHost[]) {
    this.folder = folder;
    this.hosts = hosts;
  }

  static async start(options: ProcessSwarmOptions = {}): Promise<ProcessSwarm> {
    const { hosts: count = 1, supernode = true, supernodeFlags = [], daemonFlags = [] } = options;
    const folder = await mkdtemp(join(tmpdir(), "dragonfly-e2e-"));
    let program: Program | undefined;
    let url = typeof supernode === "string" ? supernode : "";
    if (supernode === true) {
      const own = ["--listen", "127.0.0.1:0", "--data-dir", join(folder, "supernode"), "--log-level", "debug"];
      program = new Program("dragonfly", ["supernode", ...own, ...supernodeFlags], longLived(folder));
      [, url = ""] = await program.said("stdout", /^supernode ready on (\S+)\n/);
    }
    const flags = [...(url === "" ? [] : ["--supernode", url]), ...daemonFlags];
    const names = Array.from({ length: count }, (_, nth) => join(folder, `host${nth + 1}`));
    const swarm = new ProcessSwarm(
      folder,
      names.map((name) => new ProcessHost(name, flags, options.killAfterMs)),
    );
    swarm.supernode = program;
    swarm.supernodeUrl = url;
    try {
      await Promise.all(swarm.hosts.map((host) => host.start()));
    } catch (error) {
      await swarm.close();
      throw error;
    }
    return swarm;
  }

  get first(): ProcessHost {
    const [first] = this.hosts;
    if (first === undefined) throw new Error("a swarm without hosts");
    return first;
  }

  /** The same dfget on each host at once. */
  getOnAll(...args: readonly string[]): Promise<Outcome[]> {
    return Promise.all(this.hosts.map((host) => host.get(...args)));
  }

  /** All that the servers wrote to their logs so far. */
  get logs(): string {
    const servers = [this.supernode, ...this.hosts.map(({ daemon }) => daemon)];
    return servers.map((server) => `${server?.stdout ?? ""}${server?.stderr ?? ""}`).join("");
  }

  /** Ends every process and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.hosts.map(({ daemon }) => daemon?.kill("SIGTERM")));
    await this.supernode?.kill("SIGTERM");
    await rm(this.folder, { recursive: true });
  }
}

/** Processes whose command line has `text` in it, on Linux; empty elsewhere. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (line.includes(text)) found.push(Number(name));
  }
  return found;
}

function longLived(cwd: string): ProgramOptions {
  return { cwd, killAfterMs: 600_000 };
}
