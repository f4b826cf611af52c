// Lets one of many processes start something: a file that names its holder, and is taken from a holder that is dead.

import { open, readFile, rm } from "node:fs/promises";

/** Resolves to how to give it back, or null while another living process has it. */
export async function acquireLock(path: string): Promise<(() => Promise<void>) | null> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      const file = await open(path, "wx", 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const holder = await readFile(path, "utf8").catch(() => "");
    // An empty file is one whose holder is about to write its name.
    if (holder === "" || isAlive(Number(holder))) return null;
    await rm(path, { force: true });
  }
  return null;
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
