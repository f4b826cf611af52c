// How each of the programs beside this file begins: the compiled command line, or what to do when there is none.

import { existsSync } from "node:fs";
import module from "node:module";

/** @param {{ program: string, command?: string }} invocation */
export async function start(invocation) {
  const main = new URL("../dist/cli/main.js", import.meta.url);
  if (!existsSync(main)) {
    process.stderr.write(`${invocation.program}: not built yet: run "npm run build"\n`);
    process.exitCode = 1;
    return;
  }
  // From Node 22 on: a second start reads compiled code instead of compiling it.
  module.enableCompileCache?.();
  const loaded = await import(main.href);
  process.exitCode = await loaded.main(invocation, process.argv.slice(2));
}
