// One process at a time: a file that names the one. A process that died without removing it is recognised by the run of the machine and by
// its start time, since process ids come back, in containers at once.

import { readFileSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { bootId } from "./boot.ts";
import { systemCode } from "./system-code.ts";

const ownerSchema = z.object({ pid: z.number().int().positive(), boot: z.string(), startedTicks: z.string() });
type Owner = z.infer<typeof ownerSchema>;

const attempts = 5;
let temporaries = 0;

export class ProcessLock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** Undefined while a living process has it, this one included, or others are taking it. Errors: the file system's. */
  static async take(path: string, boot = bootId): Promise<ProcessLock | undefined> {
    const owner: Owner = { pid: process.pid, boot, startedTicks: readProcess(process.pid)?.startedTicks ?? "" };
    const text = JSON.stringify(owner);
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (await place(path, text)) return new ProcessLock(path, text);
      const found = await readIfThere(path);
      const holder = found === undefined ? undefined : parseOwner(found);
      if (holder !== undefined && isAlive(holder, boot)) return undefined;
      if (found !== undefined) await clear(path, found);
    }
    return undefined;
  }

  /** The living process that has it, if one has. */
  static async holder(path: string, boot = bootId): Promise<number | undefined> {
    const found = await readIfThere(path).catch(() => undefined);
    const owner = found === undefined ? undefined : parseOwner(found);
    return owner !== undefined && isAlive(owner, boot) ? owner.pid : undefined;
  }

  async release(): Promise<void> {
    if ((await readIfThere(this.#path)) === this.#text) await rm(this.#path, { force: true });
  }
}

/** Linked into place whole, so that nobody reads half of it. Returns whether the name was free. */
async function place(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${process.pid}.${temporaries++}`;
  await writeFile(temporary, text, { mode: 0o600 });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Two processes may find the same dead owner: who moved a lock other than the one that it read puts it back. */
async function clear(path: string, stale: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${temporaries++}`;
  try {
    await rename(path, aside);
    if ((await readIfThere(aside)) !== stale) await link(aside, path);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isAlive(owner: Owner, boot: string): boolean {
  const process = readProcess(owner.pid);
  if (process !== undefined) {
    return owner.boot === boot && owner.startedTicks === process.startedTicks && !"ZX".includes(process.state);
  }
  return answersSignals(owner.pid);
}

/** For systems without /proc. */
function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** Fields 3 and 22 of proc_pid_stat(5), counted after the command's name, which may hold blanks; undefined without such a process or /proc. */
function readProcess(pid: number): { readonly state: string; readonly startedTicks: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", startedTicks: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
