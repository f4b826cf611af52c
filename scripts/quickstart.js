// `npm run quickstart`: builds what is not built, then shows a small cluster at work on this machine.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
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

const stop = new AbortController();
let interrupted = false;
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    interrupted = true;
    stop.abort(new Error("interrupted"));
  });
}
const { quickstart } = await import("../dist/quickstart/quickstart.js");
try {
  process.exitCode = await quickstart((text) => process.stdout.write(text), stop.signal);
} catch (error) {
  process.stderr.write(interrupted ? "\ninterrupted: everything is stopped and removed\n" : `\n${error.message}\n`);
  process.exitCode = interrupted ? 130 : 1;
}

/** Whether what was built is newer than every source. */
function isBuilt() {
  const built = statSync("dist/index.js", { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return readdirSync("src", { recursive: true }).every((name) => statSync(`src/${name}`).mtimeMs <= built);
}
