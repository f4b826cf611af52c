// Runs the compiled tests with Node's own runner: `node scripts/test.js [part of a file's name]…`.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";

const wanted = process.argv.slice(2);
const files = readdirSync("dist", { recursive: true })
  .map((name) => `dist/${name}`)
  .filter((name) => name.endsWith(".test.js") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort();
if (files.length === 0) {
  process.stderr.write("no tests found: run npm run build first\n");
  process.exit(1);
}
// Many files wait for what they broke: more than processors at once.
const atOnce = `--test-concurrency=${2 * availableParallelism()}`;
const args = ["--test", "--test-timeout=120000", atOnce, ...files];
const run = spawnSync(process.execPath, args, { stdio: "inherit" });
process.exit(run.status ?? 1);
