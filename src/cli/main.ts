// The command line: finds the command, gives it what was typed, and turns what it throws into one line and an exit code.

import { DragonflyError } from "../core/error.ts";
import { nearestName } from "../runtime/nearest-name.ts";
import { commands } from "./commands.ts";
import { type Io, processIo } from "./io.ts";
import { say } from "./say.ts";

/** How the program was called: `dragonfly`, or a command under its own name (`dfget` is `dragonfly get`). */
export interface Invocation {
  readonly program: "dragonfly" | "dfget" | "dfdaemon";
  readonly command?: string;
}

/** Resolves to the exit code. */
export async function main(invocation: Invocation, args: readonly string[], io: Io = processIo()): Promise<number> {
  let program: string = invocation.program;
  try {
    const [name, ...rest] = invocation.command === undefined ? args : [invocation.command, ...args];
    if (args.length > 0 && (args[0] === "--version" || args[0] === "-V")) return await printVersion(program, io);
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      const about = name === "help" ? commands.find((one) => one.name === rest[0]) : undefined;
      if (about !== undefined) return await main({ program: "dragonfly" }, [about.name, "--help"], io);
      io.stdout.write(await overview());
      return name === undefined ? 2 : 0;
    }
    const entry = commands.find((one) => one.name === name);
    if (entry === undefined) throw unknownCommand(name);
    if (invocation.command === undefined) program = `dragonfly ${name}`;

    const [command, { parseCommandLine, helpText }] = await Promise.all([entry.load(), import("./command-line.ts")]);
    const { help, ...line } = parseCommandLine(program, command, rest);
    if (help) {
      io.stdout.write(helpText(program, command));
      return 0;
    }
    return await command.run({ program, ...line, io });
  } catch (error) {
    const failure = DragonflyError.from(error);
    say(io, program, failure.message);
    if (failure.code === "internal" && error instanceof Error) io.stderr.write(`${error.stack ?? ""}\n`);
    return failure.exit;
  }
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
  # a cluster manager, open to a trusted network
  dragonfly supernode --listen 0.0.0.0:8002 --insecure
  # on each host
  dragonfly daemon --supernode supernode.example:8002 --listen 0.0.0.0:65002 --insecure
  # anywhere
  dfget https://example.com/file.tar -o /tmp/file.tar
`;
}

async function printVersion(program: string, io: Io): Promise<number> {
  const { packageVersion } = await import("../runtime/package-version.ts");
  io.stdout.write(`${program} ${packageVersion}\n`);
  return 0;
}

function unknownCommand(name: string): DragonflyError {
  const what = name.startsWith("-") ? "flag" : "command";
  const names = commands.map((one) => one.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `the commands are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new DragonflyError("bad-usage", `unknown ${what} "${name}": ${hint}`);
}
