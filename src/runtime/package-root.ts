// Where this package is installed.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";

/** The nearest directory above this file that holds the package's own manifest. */
export function packageRoot(): string {
  for (let directory = import.meta.dirname; directory !== dirname(directory); directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return directory;
  }
  throw new DragonflyError("internal", "this installation has no package.json");
}
