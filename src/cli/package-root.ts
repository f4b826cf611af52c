// Where this package is installed, and its version.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";

/** The nearest directory above this file that holds the package's own manifest. */
export async function packageRoot(): Promise<string> {
  for (let directory = import.meta.dirname; directory !== dirname(directory); directory = dirname(directory)) {
    const manifest = await readFile(join(directory, "package.json"), "utf8").catch(() => undefined);
    if (manifest !== undefined) return directory;
  }
  throw new DragonflyError("internal", "this installation has no package.json");
}

export async function packageVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(await packageRoot(), "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  return String(version);
}
