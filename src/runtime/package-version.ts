// The version of this package, as processes tell it to each other and to people.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.ts";

const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));

export const packageVersion =
  typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
