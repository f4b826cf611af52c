// What `bin/dfget.js` runs: the same as `dragonfly get`, without the other commands, so that its start reads little.

import { get } from "./get.ts";
import { type Io, processIo } from "./io.ts";
import type { Invocation } from "./main.ts";
import { runCommand } from "./run-command.ts";

/** Resolves to the exit code. */
export function main({ program }: Invocation, args: readonly string[], io: Io = processIo()): Promise<number> {
  return runCommand(program, async () => get, args, io);
}
