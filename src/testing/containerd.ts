// A containerd of its own, whose client pulls through a mirror that a hosts.toml names.

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export interface ContainerdOptions {
  /** Where it keeps everything. */
  readonly folder: string;
  /** `HOST:PORT` of a registry without TLS. */
  readonly registry: string;
  /** URL, asked before the registry. */
  readonly mirror: string;
}

export class Containerd {
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    const { status } = spawnSync("containerd", ["--version"], { stdio: "ignore" });
    if (status !== 0) return "containerd is not installed";
    return process.getuid?.() === 0 ? false : "containerd runs as root only";
  }

  static async start({ folder, registry, mirror }: ContainerdOptions): Promise<Containerd> {
    const hosts = join(folder, "certs.d", registry);
    await mkdir(hosts, { recursive: true });
    const host = `server = "http://${registry}"\n\n[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`;
    await writeFile(join(hosts, "hosts.toml"), host);
    await writeFile(join(folder, "config.toml"), configuration(folder));
    const child = spawn("containerd", ["-c", join(folder, "config.toml")], { stdio: ["ignore", "ignore", "pipe"] });
    const said: string[] = [];
    let started = false;
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      started = line.includes("containerd successfully booted");
      if (started) break;
    }
    if (!started) throw new Error(`containerd has not started: ${said.slice(-3).join("\n")}`);
    child.stderr.resume();
    return new Containerd(folder, child);
  }

  /** Resolves when the image is there, every layer verified and unpacked. */
  async pull(name: string, ...flags: readonly string[]): Promise<void> {
    const hosts = ["--hosts-dir", join(this.#folder, "certs.d")];
    await this.#ctr("images", "pull", "--snapshotter", "native", ...hosts, ...flags, name);
  }

  /** Digests of all manifests and blobs that it holds. */
  async digests(): Promise<string[]> {
    return (await this.#ctr("content", "ls", "-q")).split("\n").filter((line) => line !== "");
  }

  /** Forgets an image and what only that one had. */
  async remove(name: string): Promise<void> {
    await this.#ctr("images", "rm", "--sync", name);
  }

  async #ctr(...args: readonly string[]): Promise<string> {
    const options = { timeout: 100_000, maxBuffer: 1 << 24 };
    return (await promisify(execFile)("ctr", ["-a", join(this.#folder, "socket"), ...args], options)).stdout;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}

function configuration(folder: string): string {
  return `version = 2
root = ${JSON.stringify(join(folder, "root"))}
state = ${JSON.stringify(join(folder, "state"))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = ${JSON.stringify(join(folder, "socket"))}
`;
}
