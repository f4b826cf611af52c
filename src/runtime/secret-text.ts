// A secret as it is given: itself, or `@FILE` with it, so that it need not be on a command line or in the environment.

import { readFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";

/** Errors: `bad-config` for a file that cannot be read. */
export async function secretText(given: string): Promise<string> {
  if (!given.startsWith("@")) return given.trim();
  const path = given.slice(1);
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new DragonflyError("bad-config", `the token's file cannot be read: ${cause.message}`, { cause });
  });
  return text.trim();
}
