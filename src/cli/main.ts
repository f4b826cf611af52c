// The command line: finds the command and gives it what was typed.

import { DragonflyError } from "../core/error.ts";
import { nearestName } from "../runtime/nearest-name.ts";
import { commands } from "./commands.ts";
import { type Io, processIo } from "./io.ts";
import { explain, printVersion, runCommand } from "./run-command.ts";

/** How the program was called: `dragonfly`, or a command under its own name (`dfget` is `dragonfly get`). */
export interface Invocation {
  readonly program: "dragonfly" | "dfget" | "dfdaemon";
  readonly command?: string;
}

/** Resolves to the exit code. */
export async function main(invocation: Invocation, args: readonly string[], io: Io = processIo()): Promise<number> {
  const { program } = invocation;
  const [name, ...rest] = invocation.command === undefined ? args : [invocation.command, ...args];
  if (name === "--version" || name === "-V") return printVersion(program, io);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const about = name === "help" ? commands.find((one) => one.name === rest[0]) : undefined;
    if (about !== undefined) return main({ program: "dragonfly" }, [about.name, "--help"], io);
    io.stdout.write(await overview());
    return name === undefined ? 2 : 0;
  }
  const entry = commands.find((one) => one.name === name);
  if (entry === undefined) return explain(program, unknownCommand(name), io);
  return runCommand(invocation.command === undefined ? `dragonfly ${name}` : program, entry.load, rest, io);
}

/** What `dragonfly --help` prints. */
export async function overview(): Promise<string> {
  const { Command } = await import("commander");
  const program = new Command("dragonfly")
    .description("P2P distribution of files and container images at nearly the speed of the wire.")
    .usage("<command> [options]")
    .helpOption("-h, --help", "show this help, or a command's")
    .option("-V, --version", "print the version")
    .configureOutput({ getOutHelpWidth: () => 110, getOutHasColors: () => false })
    .helpCommand(false);
  for (const { name, summary } of commands) program.command(name).description(summary).helpOption(false);
  return `${program.helpInformation()}
Examples:
  # a cluster manager, open to other machines over TLS
  dragonfly supernode --listen 0.0.0.0:8002
  # there too: prints a token with which hosts join
  dragonfly token create
  # on each host
  dragonfly daemon --token TOKEN
  # anywhere
  dfget https://example.com/file.tar -o /tmp/file.tar
`;
}

function unknownCommand(name: string): DragonflyError {
  const what = name.startsWith("-") ? "flag" : "command";
  const names = commands.map((one) => one.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `the commands are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new DragonflyError("bad-usage", `unknown ${what} "${name}": ${hint}`);
}
