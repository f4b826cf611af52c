// How commands speak to people: one line on standard error, begun by the program's name.

import type { Io } from "./io.ts";

export function say(io: Pick<Io, "stderr">, program: string, message: string): void {
  io.stderr.write(`${program}: ${oneLine(message)}\n`);
}

/** Whatever is in a message, it takes one line. */
function oneLine(message: string): string {
  return message.trim().replace(/\s*[\r\n]+\s*/g, " ");
}
