// How each of the programs beside this file begins: the built program, or what to do when there is none.

const { existsSync } = require("node:fs");
const { basename, join } = require("node:path");

/** Such a run compiles little of what the command needs. */
const asksForHelp = /^(?:--help|-h|--version|-V)$/;

/** @param {{ program: string, command?: string }} invocation @param {string} file of dist/programs */
exports.start = async (invocation, file) => {
  const programs = join(__dirname, "..", "dist", "programs");
  if (!existsSync(join(programs, file))) {
    process.stderr.write(`${invocation.program}: not built yet: run "npm run build"\n`);
    process.exitCode = 1;
    return;
  }
  const args = process.argv.slice(2);
  const command = invocation.command ?? args[0] ?? "";
  if (/^[a-z]+$/.test(command)) {
    const { useCodeCache } = require("./code-cache.js");
    useCodeCache(programs, `${basename(file, ".cjs")}-${command}`, !args.some((word) => asksForHelp.test(word)));
  }
  process.exitCode = await require(join(programs, file)).main(invocation, args);
};
