// This host's name in the swarm: drawn at the first start and kept in the data directory.

import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";

export async function loadHostId(dataDir: string): Promise<HostId> {
  const path = join(dataDir, "host-id");
  const kept = await readFile(path, "utf8").catch(() => "");
  if (/^[0-9a-f]{32}\n?$/.test(kept)) return kept.trim() as HostId;
  const drawn = randomBytes(16).toString("hex");
  await writeFile(path, `${drawn}\n`).catch((cause: Error) => {
    throw new DragonflyError("not-writable", `cannot write ${path}: ${cause.message}`, { cause });
  });
  return drawn as HostId;
}
