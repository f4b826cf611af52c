// What a command may touch of its process, so that a test can run one without being one.

import type { EventEmitter } from "node:events";
import { programFile } from "../local/program-file.ts";

export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Io {
  /** Absent where nobody can be asked. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & Terminal;
  readonly stderr: NodeJS.WritableStream & Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Emits SIGINT and SIGTERM. */
  readonly signals: Pick<EventEmitter, "on" | "off">;
  /** Ends the process at once. */
  leave(code: number): void;
  /** The file that runs `dragonfly`, for a daemon started in the background. */
  readonly program: string;
}

export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedReader);
  return {
    // Opened when it is needed: most commands never read it.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signals: process,
    leave: (code) => process.exit(code),
    program: programFile(),
  };
}

/** `dragonfly tasks | head`: whoever stops reading has what he wanted. Whoever writes content to the stream listens to it himself. */
function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
