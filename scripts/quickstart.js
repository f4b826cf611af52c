// `npm run quickstart` in a checkout: builds what is not built, then `dragonfly quickstart`.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
if (!existsSync("node_modules/typescript")) {
  process.stderr.write("the dependencies are missing: run npm ci\n");
  process.exit(1);
}
if (!isBuilt()) {
  process.stdout.write("Building…\n");
  const build = spawnSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
const { start } = createRequire(import.meta.url)("../bin/start.js");
await start({ program: "dragonfly", command: "quickstart" }, "dragonfly.cjs");

/** Whether what was built is newer than every source. */
function isBuilt() {
  const built = statSync("dist/programs/dragonfly.cjs", { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync("src", { recursive: true }).every((name) => statSync(`src/${name}`).mtimeMs <= built);
}
