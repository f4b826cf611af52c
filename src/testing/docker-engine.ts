// A Docker engine of its own, without networks, that pulls as its environment and its flags say.

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export interface DockerEngineOptions {
  /** Where it keeps everything. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

export class DockerEngine {
  readonly #socket: string;
  readonly #child: ChildProcess;

  private constructor(socket: string, child: ChildProcess) {
    this.#socket = socket;
    this.#child = child;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    for (const program of ["dockerd", "docker"]) {
      if (spawnSync(program, ["--version"], { stdio: "ignore" }).status !== 0) return `${program} is not installed`;
    }
    return process.getuid?.() === 0 ? false : "dockerd runs as root only";
  }

  static async start({ folder, env = {}, flags = [] }: DockerEngineOptions): Promise<DockerEngine> {
    await mkdir(folder, { recursive: true });
    const socket = `unix://${join(folder, "s")}`;
    const places = [
      "--data-root",
      join(folder, "root"),
      "--exec-root",
      join(folder, "exec"),
      "-p",
      join(folder, "pid"),
    ];
    const bare = ["--iptables=false", "--bridge=none", "--storage-driver=vfs", "-H", socket];
    const child = spawn("dockerd", [...bare, ...places, ...flags], {
      env: { PATH: process.env.PATH ?? "", HOME: folder, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const said: string[] = [];
    let started = false;
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      started = line.includes("API listen on");
      if (started) break;
    }
    if (!started) throw new Error(`dockerd has not started: ${said.slice(-3).join("\n")}`);
    // Leaving the loop has paused it, and dockerd stands still when nobody takes what it says.
    child.stderr.resume();
    return new DockerEngine(socket, child);
  }

  /** Resolves when the image is there; rejects with what the engine says. */
  async pull(name: string): Promise<void> {
    await promisify(execFile)("docker", ["-H", this.#socket, "pull", "--quiet", name], { timeout: 60_000 });
  }

  /** Its id is the digest of its configuration. */
  async idOf(name: string): Promise<string> {
    const inspect = ["-H", this.#socket, "image", "inspect", "--format", "{{.Id}}", name];
    return (await promisify(execFile)("docker", inspect, { timeout: 60_000 })).stdout.trim();
  }

  async remove(name: string): Promise<void> {
    await promisify(execFile)("docker", ["-H", this.#socket, "rmi", name], { timeout: 60_000 });
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}
