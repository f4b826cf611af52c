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

/** Its streams are opened when they are needed: that takes longer than all else that most commands read to start. */
export function processIo(): Io {
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return forgiving(process.stdout);
    },
    get stderr() {
      return forgiving(process.stderr);
    },
    env: process.env,
    signals: process,
    leave: (code) => process.exit(code),
    program: programFile(),
  };
}

function forgiving<Stream extends NodeJS.WritableStream>(stream: Stream): Stream {
  if (!stream.listeners("error").includes(ignoreClosedReader)) stream.on("error", ignoreClosedReader);
  return stream;
}

/** `dragonfly tasks | head`: whoever stops reading has what he wanted. Whoever writes content to the stream listens to it himself. */
function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
