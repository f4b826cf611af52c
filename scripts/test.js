// Runs the compiled tests with Node's own runner: `node scripts/test.js [part of a file's name]…`.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const wanted = process.argv.slice(2);
const files = readdirSync("dist", { recursive: true })
  .map((name) => `dist/${name}`)
  .filter((name) => name.endsWith(".test.js") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort();
if (files.length === 0) {
  process.stderr.write("no tests found: run npm run build first\n");
  process.exit(1);
}
const run = spawnSync(process.execPath, ["--test", "--test-timeout=120000", ...files], { stdio: "inherit" });
process.exit(run.status ?? 1);
