// Writing what is nobody else's: readable by the owner of the data directory alone, there whole or not at all.

import { randomBytes } from "node:crypto";
import { chown, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DragonflyError } from "../core/error.ts";

/** Root, who makes a token for a supernode that runs as another user, leaves it to that user. Errors: `not-writable`. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const fresh = `${path}.new-${randomBytes(4).toString("hex")}`;
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    const { uid, gid } = await stat(made === undefined ? folder : dirname(made));
    await writeFile(fresh, text, { mode: 0o600 });
    if (process.getuid?.() === 0) await Promise.all([chown(fresh, uid, gid), chown(folder, uid, gid)]);
    await rename(fresh, path);
  } catch (cause) {
    throw new DragonflyError("not-writable", `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
