// What a command is. Each stands in its own file and is loaded only when it is called or its help is asked for.

import type { Given } from "../runtime/resolve-settings.ts";
import type { SettingTable } from "../runtime/setting.ts";
import type { Io } from "./io.ts";

export interface Command {
  /** One or two sentences for `--help`. */
  readonly description: string;
  /** Positional arguments as help shows them: `[URL]`, `TASK`. */
  readonly operands?: readonly string[];
  readonly settings: SettingTable;
  /** Command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Resolves to the exit code; what it throws is printed by the caller. */
  run(call: Call): Promise<number>;
}

export interface Call {
  /** `dfget`, `dragonfly tasks`: begins each line of error. */
  readonly program: string;
  readonly flags: readonly Given[];
  readonly operands: readonly string[];
  readonly io: Io;
}
