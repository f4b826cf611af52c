// podman with a storage and a configuration of its own, pulling through a mirror.

import { execFile, spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface PodmanOptions {
  /** Where it keeps everything. */
  readonly folder: string;
  /** As the image's name has it. */
  readonly registry: string;
  /** `HOST:PORT`, asked before the registry. */
  readonly mirror: string;
}

export class Podman {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    const { status } = spawnSync("podman", ["--version"], { stdio: "ignore" });
    if (status !== 0) return "podman is not installed";
    return process.getuid?.() === 0 ? false : "podman is tried as root only";
  }

  static async make({ folder, registry, mirror }: PodmanOptions): Promise<Podman> {
    await mkdir(folder, { recursive: true });
    const mirrors = `[[registry]]
location = "${registry}"
insecure = true

[[registry.mirror]]
location = "${mirror}"
insecure = true
`;
    await writeFile(join(folder, "registries.conf"), mirrors);
    await writeFile(join(folder, "policy.json"), '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    return new Podman(folder);
  }

  /** Resolves to the image's id: the digest of its configuration, in hexadecimal. */
  async pull(name: string, ...flags: readonly string[]): Promise<string> {
    const policy = ["--signature-policy", join(this.#folder, "policy.json")];
    const pulled = await this.#run("pull", "-q", ...policy, ...flags, name);
    return pulled.trim();
  }

  /** Forgets all images. */
  clear(): Promise<void> {
    return rm(join(this.#folder, "root"), { recursive: true, force: true });
  }

  async #run(...args: readonly string[]): Promise<string> {
    const own = [
      "--root",
      join(this.#folder, "root"),
      "--runroot",
      join(this.#folder, "run"),
      "--storage-driver",
      "vfs",
    ];
    const env = { ...process.env, CONTAINERS_REGISTRIES_CONF: join(this.#folder, "registries.conf") };
    const { stdout } = await promisify(execFile)("podman", [...own, ...args], { env, timeout: 60_000 });
    return stdout;
  }
}
