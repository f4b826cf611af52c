// The file that runs `dragonfly`, for whoever starts a daemon in the background.

import { join } from "node:path";
import { packageRoot } from "../runtime/package-root.ts";

export function programFile(): string {
  return join(packageRoot(), "bin", "dragonfly.js");
}
