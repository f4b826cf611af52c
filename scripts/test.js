// Runs the compiled tests with Node's own runner: `node scripts/test.js [part of a file's name]…`, without a name all but the slow ones.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** They start container engines, browsers and package managers, or wait for what they broke: `npm run test:slow`. */
const slow = [
  "e2e/capture",
  ...["e2e/engines", "e2e/proxy-tools", "e2e/registry-faults", "e2e/failover", "e2e/package", "e2e/explain"],
  ...["e2e/console", "e2e/secrets", "e2e/slow-clients", "e2e/tracing", "e2e/prometheus", "e2e/readme", "e2e/last-copy"],
];
const named = process.argv.slice(2);
const wanted = named.includes("slow") ? slow : named;
const isWanted = (name) =>
  wanted.length === 0 ? !slow.some((part) => name.includes(part)) : wanted.some((part) => name.includes(part));
const files = readdirSync("dist", { recursive: true })
  .map((name) => `dist/${name}`)
  .filter((name) => name.endsWith(".test.js") && isWanted(name))
  .sort();
if (files.length === 0) {
  process.stderr.write("no tests found: run npm run build first\n");
  process.exit(1);
}
// Many files wait for what they broke: more than processors at once.
const atOnce = `--test-concurrency=${2 * availableParallelism()}`;
// For a whole file as for each of its tests: it ends what hangs, and is no measure of what is slow.
const minutes = process.env.DRAGONFLY_TEST_LARGE === "1" ? 20 : 10;
const args = ["--test", `--test-timeout=${minutes * 60_000}`, atOnce, ...files];
// Programs compile once for all tests, and leave nothing where this user's own find it.
const code = mkdtempSync(join(tmpdir(), "dragonfly-code-"));
const env = { ...process.env, NODE_COMPILE_CACHE: code };
const run = spawnSync(process.execPath, args, { stdio: "inherit", env });
rmSync(code, { recursive: true, force: true });
process.exit(run.status ?? 1);
