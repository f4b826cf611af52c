// Whether the data directory can be written, and how much room there is.

import { randomBytes } from "node:crypto";
import { access, constants, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatBytes } from "../runtime/units.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

export interface DiskRoom {
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

const leastBytes = 64 << 20;
const fewBytes = 2 ** 30;

/** `quotaBytes`: 0 is none. */
export async function checkDisk(
  { dataDir, quotaBytes }: { readonly dataDir: string; readonly quotaBytes: number },
  room: (path: string) => Promise<DiskRoom> = roomAt,
): Promise<readonly Finding[]> {
  try {
    const there = await nearestFolder(dataDir);
    const problem = await (there === dataDir ? tryToWrite(dataDir) : access(there, constants.W_OK | constants.X_OK))
      .then(() => undefined)
      .catch(reasonOf);
    const written =
      problem === undefined
        ? ok("disk", there === dataDir ? `${dataDir} can be written` : `${dataDir} can be made`)
        : fail(
            "disk",
            `${there} cannot be written by this user (${problem})`,
            "run doctor as the user that runs the daemon, give that user the directory, or choose another with --data-dir",
          );
    return [written, roomFinding(await room(there), quotaBytes)];
  } catch (error) {
    const found = `${dataDir} cannot be looked at (${reasonOf(error)})`;
    return [fail("disk", found, "run doctor as the user that runs the daemon, or choose another with --data-dir")];
  }
}

export function roomFinding({ freeBytes, sizeBytes }: DiskRoom, quotaBytes: number): Finding {
  const found = `${formatBytes(freeBytes)} of ${formatBytes(sizeBytes)} are free`;
  const todo = "make room there, or put --data-dir on a larger disk";
  if (freeBytes < leastBytes) return fail("disk", found, todo);
  if (quotaBytes > sizeBytes) {
    const more = `--quota of ${formatBytes(quotaBytes)} is more than the disk has`;
    return warn("disk", `${found}: ${more}`, `set --quota below ${formatBytes(sizeBytes)}`);
  }
  return freeBytes < fewBytes ? warn("disk", found, todo) : ok("disk", found);
}

/** The directory, or what it would be made in. */
async function nearestFolder(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    return nearestFolder(dirname(path));
  }
}

async function tryToWrite(folder: string): Promise<void> {
  const path = join(folder, `.doctor-${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(path, "", { flag: "wx", mode: 0o600 });
  } finally {
    await rm(path, { force: true });
  }
}

async function roomAt(path: string): Promise<DiskRoom> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
