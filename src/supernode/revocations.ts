// Hosts that are not let in any more, whatever their certificates say: a file in the data directory, so that `dragonfly token revoke` and a
// running supernode see the same.

import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostId } from "../core/ids.ts";
import { writePrivate } from "../runtime/private-file.ts";

export class Revocations {
  readonly #path: string;
  #text = "";
  #hosts: ReadonlySet<string> = new Set();

  constructor(dataDir: string) {
    this.#path = join(dataDir, "revoked-hosts");
  }

  /** As of the last `refresh`. */
  has(host: HostId): boolean {
    return this.#hosts.has(host);
  }

  get hosts(): readonly string[] {
    return [...this.#hosts];
  }

  /** Returns those that are new. */
  async refresh(): Promise<readonly HostId[]> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    if (text === this.#text) return [];
    const before = this.#hosts;
    this.#text = text;
    this.#hosts = new Set(text.split("\n").filter((line) => line !== ""));
    return [...this.#hosts].filter((host) => !before.has(host)) as HostId[];
  }

  /** Errors: `not-writable`. */
  async add(host: HostId): Promise<void> {
    await this.refresh();
    if (this.#hosts.has(host)) return;
    if (this.#text === "") await writePrivate(this.#path, `${host}\n`);
    else await appendFile(this.#path, `${host}\n`);
  }
}
