// One command, from what was typed to an exit code: what it throws becomes one line.

import { DragonflyError } from "../core/error.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { say } from "./say.ts";

/** `program` is how the command was called: `dfget`, `dragonfly tasks`. Resolves to the exit code. */
export async function runCommand(
  program: string,
  load: () => Promise<Command>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  try {
    if (args[0] === "--version" || args[0] === "-V") return await printVersion(program, io);
    const [command, { parseCommandLine, helpText }] = await Promise.all([load(), import("./command-line.ts")]);
    const { help, ...line } = parseCommandLine(program, command, args);
    if (help) {
      io.stdout.write(helpText(program, command));
      return 0;
    }
    return await command.run({ program, ...line, io });
  } catch (error) {
    return explain(program, error, io);
  }
}

/** Says what went wrong and returns the exit code for it. */
export function explain(program: string, error: unknown, io: Io): number {
  const failure = DragonflyError.from(error);
  say(io, program, failure.message);
  if (failure.code === "internal" && error instanceof Error) io.stderr.write(`${error.stack ?? ""}\n`);
  return failure.exit;
}

export async function printVersion(program: string, io: Io): Promise<number> {
  const { packageVersion } = await import("../runtime/package-version.ts");
  io.stdout.write(`${program} ${packageVersion}\n`);
  return 0;
}
