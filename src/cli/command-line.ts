// Between a command's settings and commander: flags and help from the table, and back from arguments to what was given.

import { CommanderError, Option, Command as Parser } from "commander";
import { DragonflyError } from "../core/error.ts";
import type { Given } from "../runtime/resolve-settings.ts";
import type { Setting } from "../runtime/setting.ts";
import type { Command } from "./command.ts";

export interface CommandLine {
  readonly flags: readonly Given[];
  readonly operands: readonly string[];
  readonly help: boolean;
}

/** Throws `bad-usage` for a flag without its value. Unknown flags are among `flags`, to be refused with all other problems. */
export function parseCommandLine(program: string, command: Command, args: readonly string[]): CommandLine {
  const parser = buildParser(program, command);
  let rest: { readonly operands: readonly string[]; readonly unknown: readonly string[] };
  try {
    rest = parser.parseOptions([...args]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new DragonflyError("bad-usage", error.message.replace(/^error: /, "").replaceAll("\n", " "));
  }
  const help = rest.unknown.some((one) => one === "--help" || one === "-h");
  const strange = rest.unknown.filter((one) => one.startsWith("-"));
  const most = command.operands?.length ?? 0;
  const excess = rest.operands[most];
  if (!help && strange.length === 0 && excess !== undefined) {
    throw new DragonflyError("bad-usage", `unexpected argument "${excess}"`);
  }
  return { flags: [...givenFlags(parser), ...strange.map(unknownFlag)], operands: rest.operands, help };
}

export function helpText(program: string, command: Command): string {
  return buildParser(program, command).helpInformation() + examplesText(program, command);
}

function buildParser(program: string, command: Command): Parser {
  const parser = new Parser(program)
    .description(command.description)
    .usage(["[options]", ...(command.operands ?? [])].join(" "))
    .exitOverride()
    .configureOutput({ writeErr: () => {}, getOutHelpWidth: () => 110, getOutHasColors: () => false })
    .helpOption("-h, --help", "show this help");
  for (const setting of Object.values(command.settings)) {
    if (setting.only === "file") continue;
    parser.addOption(optionOf(setting, setting.name));
    for (const alias of setting.aliases ?? []) {
      // An alias that several settings share is one flag.
      if (!parser.options.some(({ long }) => long === `--${alias}`))
        parser.addOption(optionOf(setting, alias).hideHelp());
    }
  }
  return parser;
}

function optionOf(setting: Setting<unknown>, name: string): Option {
  const { kind, short, shownDefault } = setting;
  const value = kind.placeholder === undefined ? "" : ` <${kind.placeholder}>`;
  const letter = short === undefined || name !== setting.name ? "" : `-${short}, `;
  const fallback =
    shownDefault === undefined || shownDefault === "" || shownDefault === "false" || shownDefault === "none";
  const option = new Option(
    `${letter}--${name}${value}`,
    fallback ? setting.help : `${setting.help} (default: ${shownDefault})`,
  );
  if (setting.group !== undefined) option.helpGroup(setting.group);
  if (kind.repeatable) {
    option.argParser((one: string, before: readonly string[] | undefined) => [...(before ?? []), one]);
  }
  return option;
}

function givenFlags(parser: Parser): readonly Given[] {
  return parser.options
    .filter((option) => parser.getOptionValueSource(option.attributeName()) === "cli")
    .map((option) => {
      const value: unknown = parser.getOptionValue(option.attributeName());
      return { name: (option.long ?? "").slice(2), raw: option.negate ? true : value, source: option.long ?? "" };
    });
}

function unknownFlag(argument: string): Given {
  const name = argument.replace(/=.*$/s, "");
  return { name: name.replace(/^-+/, ""), raw: undefined, source: name };
}

function examplesText(program: string, { examples }: Command): string {
  const lines = examples.map(([line, meaning]) => `  # ${meaning}\n  ${program}${line === "" ? "" : ` ${line}`}`);
  return `\nExamples:\n${lines.join("\n")}\n`;
}
