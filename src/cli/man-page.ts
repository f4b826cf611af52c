// The manual page dragonfly(1), in the macros of man(7).

import { errorCatalogue } from "../core/error.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { type Flag, type Outline, programsOf } from "./outline.ts";

export function manPage(outlines: readonly Outline[]): string {
  const lines = [
    `.TH DRAGONFLY 1 "" "Dragonfly ${packageVersion}" "User Commands"`,
    ".SH NAME",
    `dragonfly, dfget, dfdaemon ${dash} P2P distribution of files and container images`,
    ".SH SYNOPSIS",
    ".B dragonfly",
    ".I command",
    escaped("[options]"),
    ".SH DESCRIPTION",
    escaped("A supernode reads each content from its origin once; daemons on the hosts exchange its pieces."),
    escaped(
      "A setting is a flag, DRAGONFLY_ and its name in capitals in the environment, or a key in a YAML file; the first that has it wins.",
    ),
    ".SH COMMANDS",
    ...outlines.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...exitStatus.flatMap(([code, meaning]) => [".TP", `.B ${code}`, escaped(meaning)]),
    ".SH FILES",
    ".TP",
    ".I /etc/dragonfly/daemon.yaml, /etc/dragonfly/supernode.yaml",
    escaped("settings, where --config names no other file"),
    ".TP",
    ".I /run/dragonfly/daemon.sock",
    escaped("where dfget finds the daemon that root runs; ~/.dragonfly/daemon.sock of another user"),
    ".SH SEE ALSO",
    escaped("dragonfly COMMAND --help, dragonfly doctor"),
  ];
  return `${lines.join("\n")}\n`;
}

const dash = "\\-";

const exitStatus: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done"],
  [errorCatalogue.internal.exit, "anything else"],
  [errorCatalogue["bad-usage"].exit, "usage or configuration"],
  [errorCatalogue["origin-refused"].exit, "the origin refused"],
  [errorCatalogue["digest-mismatch"].exit, "content did not verify"],
  [errorCatalogue["no-space"].exit, "disk space or permission"],
  [errorCatalogue["timed-out"].exit, "timed out"],
  [errorCatalogue["no-source"].exit, "no source left"],
  [errorCatalogue.interrupted.exit, "interrupted"],
];

function commandLines({ name, command, flags }: Outline): readonly string[] {
  const program = programsOf[name];
  const also = program === undefined ? "" : `, ${program}`;
  const usage = ["[options]", ...(command.operands ?? [])].join(" ");
  return [
    `.SS ${escaped(`dragonfly ${name}${also} ${usage}`)}`,
    escaped(command.description),
    ...flags.flatMap(flagLines),
    ".PP",
    "Examples:",
    ...command.examples.flatMap(([line, meaning]) => [
      ".TP",
      `.B ${escaped(`${program ?? `dragonfly ${name}`} ${line}`.trim())}`,
      escaped(meaning),
    ]),
  ];
}

function flagLines({ name, short, value, help }: Flag): readonly string[] {
  const flag = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
  return [".TP", `.B ${escaped(flag)}`, escaped(help)];
}

/** As text that says itself: no escapes, hyphens that can be copied, no line that begins a request. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", dash)
    .replaceAll('"', "\\(dq")
    .replaceAll("'", "\\(aq")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replace(/^\./, "\\&.");
}
