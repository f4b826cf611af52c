// podman, or buildah, which shares its flags, with a storage and a configuration of its own, pulling through a mirror.

import { execFile, spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export type PodmanProgram = "podman" | "buildah";

export interface PodmanOptions {
  /** podman where it is left out. */
  readonly program?: PodmanProgram;
  /** Where it keeps everything. */
  readonly folder: string;
  /** As the image's name has it. */
  readonly registry: string;
  /** `HOST:PORT`, asked before the registry. */
  readonly mirror: string;
}

export class Podman {
  readonly #program: PodmanProgram;
  readonly #folder: string;

  private constructor(program: PodmanProgram, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    return Podman.lacks("podman");
  }

  static lacks(program: PodmanProgram): string | false {
    const { status } = spawnSync(program, ["--version"], { stdio: "ignore" });
    if (status !== 0) return `${program} is not installed`;
    return process.getuid?.() === 0 ? false : `${program} is tried as root only`;
  }

  static async make({ program = "podman", folder, registry, mirror }: PodmanOptions): Promise<Podman> {
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
    return new Podman(program, folder);
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
    const { stdout } = await promisify(execFile)(this.#program, [...own, ...args], { env, timeout: 100_000 });
    return stdout;
  }
}
