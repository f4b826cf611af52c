// How each of the programs beside this file begins: the built program, or what to do when there is none.

const { existsSync } = require("node:fs");
const nodeModule = require("node:module");
const { join } = require("node:path");

/** @param {{ program: string, command?: string }} invocation @param {string} file of dist/programs */
exports.start = async (invocation, file) => {
  const built = join(__dirname, "..", "dist", "programs", file);
  if (!existsSync(built)) {
    process.stderr.write(`${invocation.program}: not built yet: run "npm run build"\n`);
    process.exitCode = 1;
    return;
  }
  // From Node 22 on: a second start reads compiled code instead of compiling it.
  nodeModule.enableCompileCache?.();
  process.exitCode = await require(built).main(invocation, process.argv.slice(2));
};
