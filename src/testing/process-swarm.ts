// A cluster on loopback made of the built programs: supernodes, some hosts with a daemon each, and a folder for all that they write.

import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, Program, type ProgramOptions } from "./program.ts";

export interface ProcessSwarmOptions {
  readonly hosts?: number;
  /** False: none is configured. A URL: a foreign one, perhaps one that nobody serves. */
  readonly supernode?: boolean | string;
  /** How many there are, where there are any of its own. */
  readonly supernodes?: number;
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
    const supernodes = this.#flags.filter((flag) => flag === "--supernode").length;
    const dialled = Array.from({ length: supernodes }, () => "(?:joined supernode|supernode unreachable)");
    await daemon.said("stderr", new RegExp(dialled.join("[^]*")));
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

/** A supernode that may be ended and started again on its port. */
export class ProcessSupernode {
  url = "";
  program: Program | undefined;
  readonly #folder: string;
  readonly #dataDir: string;
  readonly #flags: readonly string[];

  constructor(folder: string, name: string, flags: readonly string[]) {
    this.#folder = folder;
    this.#dataDir = join(folder, name);
    this.#flags = flags;
  }

  /** Resolves when it serves. */
  async start(): Promise<Program> {
    const listen = this.url === "" ? "127.0.0.1:0" : new URL(this.url).host;
    const own = ["--listen", listen, "--data-dir", this.#dataDir, "--log-level", "debug"];
    const program = new Program("dragonfly", ["supernode", ...own, ...this.#flags], longLived(this.#folder));
    this.program = program;
    [, this.url = ""] = await program.said("stdout", /^supernode ready on (\S+)\n/);
    return program;
  }
}

export class ProcessSwarm {
  readonly folder: string;
  readonly hosts: readonly ProcessHost[];
  readonly supernodes: readonly ProcessSupernode[];
  /** Of the first supernode: `http://127.0.0.1:port`; empty where there is none. */
  readonly supernodeUrl: string;

  private constructor(
    folder: string,
    hosts: readonly ProcessHost[],
    supernodes: readonly ProcessSupernode[],
    url = "",
  ) {
    this.folder = folder;
    this.hosts = hosts;
    this.supernodes = supernodes;
    this.supernodeUrl = url;
  }

  get supernode(): Program | undefined {
    return this.supernodes[0]?.program;
  }

  static async start(options: ProcessSwarmOptions = {}): Promise<ProcessSwarm> {
    const { hosts: count = 1, supernode = true, supernodeFlags = [], daemonFlags = [] } = options;
    const folder = await mkdtemp(join(tmpdir(), "dragonfly-e2e-"));
    const own = supernode === true ? (options.supernodes ?? 1) : 0;
    const supernodes = Array.from(
      { length: own },
      (_, nth) => new ProcessSupernode(folder, nth === 0 ? "supernode" : `supernode${nth + 1}`, supernodeFlags),
    );
    await Promise.all(supernodes.map((one) => one.start()));
    const urls = typeof supernode === "string" ? [supernode] : supernodes.map(({ url }) => url);
    const flags = [...urls.flatMap((url) => ["--supernode", url]), ...daemonFlags];
    const names = Array.from({ length: count }, (_, nth) => join(folder, `host${nth + 1}`));
    const swarm = new ProcessSwarm(
      folder,
      names.map((name) => new ProcessHost(name, flags, options.killAfterMs)),
      supernodes,
      urls[0],
    );
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
    const servers = [...this.supernodes.map(({ program }) => program), ...this.hosts.map(({ daemon }) => daemon)];
    return servers.map((server) => `${server?.stdout ?? ""}${server?.stderr ?? ""}`).join("");
  }

  /** Ends every process and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.hosts.map(({ daemon }) => daemon?.kill("SIGTERM")));
    await Promise.all(this.supernodes.map(({ program }) => program?.kill("SIGTERM")));
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
