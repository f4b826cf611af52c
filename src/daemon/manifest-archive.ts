// What supernodes signed of the versions on this host, kept beside them: a supernode that takes a task over learns from it what the swarm
// has. Losing it loses no content, so nothing here is synced or waited for.

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VersionId } from "../core/ids.ts";
import type { Log } from "../runtime/log.ts";
import type { SignedPart } from "../wire/control.ts";

/** What is larger is not kept, since it could not be told: a control message has its limit. */
export const maxSignedBytes = 6 << 20;

export class ManifestArchive {
  readonly #folder: string;
  readonly #log: Log;
  /** Writes and removals, one after another. */
  #work: Promise<void> = Promise.resolve();

  constructor(dataDir: string, log: Log) {
    this.#folder = join(dataDir, "manifests");
    this.#log = log;
  }

  /** Keeps those of the versions that `isHeld` and removes the others. */
  sweep(isHeld: (version: VersionId) => boolean): void {
    this.#do(async () => {
      const names = await readdir(this.#folder).catch(() => []);
      for (const name of names) {
        const [version = ""] = name.split(".", 1);
        if (!isHeld(version as VersionId)) await rm(join(this.#folder, name), { force: true });
      }
    });
  }

  keep(version: VersionId, signed: readonly SignedPart[]): void {
    const text = JSON.stringify(signed);
    if (signed.length === 0 || text.length > maxSignedBytes) return;
    this.#do(async () => {
      await mkdir(this.#folder, { recursive: true });
      const path = this.#path(version);
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    });
  }

  remove(version: VersionId): void {
    this.#do(() => rm(this.#path(version), { force: true }));
  }

  /** Empty where nothing is kept. Whoever is told it checks the signatures. */
  async read(version: VersionId): Promise<readonly SignedPart[]> {
    await this.#work;
    try {
      return JSON.parse(await readFile(this.#path(version), "utf8"));
    } catch {
      return [];
    }
  }

  /** Resolves when what was begun is done. */
  close(): Promise<void> {
    return this.#work;
  }

  #path(version: VersionId): string {
    return join(this.#folder, `${version}.json`);
  }

  #do(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: Error) => {
      this.#log.debug("signed manifest not kept", { error: error.message });
    });
  }
}
