// The command line as a value: what shell completions and the man page are made from.

import type { Setting } from "../runtime/setting.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";

export interface Outline {
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
  readonly flags: readonly Flag[];
  /** Words that the first operand can be; empty where it is anything. */
  readonly words: readonly string[];
}

export interface Flag {
  readonly name: string;
  readonly short: string | undefined;
  readonly help: string;
  /** Undefined for a switch. */
  readonly value: string | undefined;
  /** Words that the value can be. */
  readonly words: readonly string[];
}

/** Programs that are a command under its own name. */
export const programsOf: Readonly<Record<string, string>> = { get: "dfget", daemon: "dfdaemon" };

export function outlines(): Promise<readonly Outline[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const command = await load();
      const settings = Object.values(command.settings).filter(({ only }) => only !== "file");
      const help: Flag = { name: "help", short: "h", help: "show this help", value: undefined, words: [] };
      const flags = [...settings.map(flagOf), help];
      return { name, summary, command, flags, words: wordsIn(command.operands?.[0]) };
    }),
  );
}

function flagOf({ name, short, help, kind, shownDefault = "" }: Setting<unknown>): Flag {
  const fallback = ["", "false", "none"].includes(shownDefault) ? "" : ` (default: ${shownDefault})`;
  const value = kind.placeholder;
  return { name, short, help: help + fallback, value, words: wordsIn(value) };
}

/** `on|off` names words, `TOKEN|@FILE` does not. */
function wordsIn(placeholder: string | undefined): readonly string[] {
  return placeholder !== undefined && /^[a-z-]+(?:\|[a-z-]+)+$/.test(placeholder) ? placeholder.split("|") : [];
}
