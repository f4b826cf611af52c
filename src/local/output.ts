// Where a download goes: a file that appears when it is complete, or a stream that takes bytes in order.

import { DragonflyError } from "../core/error.ts";
import type { Digest } from "../runtime/get-kinds.ts";

export interface Output {
  /** Bytes must come in order, without gaps. */
  readonly ordered: boolean;
  /** A version begins. What was written of another is forgotten; throws `origin-changed` where that cannot be. */
  begin(): Promise<void>;
  /** `bytes` may be reused when it resolves. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** All bytes are written: checks length and digests, and lets the output appear. `known` is the digest the daemon vouches for. */
  finish(bytes: number, known: string | null): Promise<void>;
  /** Leaves nothing behind, unless `finish` succeeded. Idempotent. */
  discard(): Promise<void>;
  /** The same in a process that is about to leave. */
  discardNow(): void;
}

export function mismatch(digest: Digest, actualHex: string): DragonflyError {
  const { algorithm, hex } = digest;
  return new DragonflyError("digest-mismatch", `the content has ${algorithm} ${actualHex}, not ${hex} as asked for`);
}

/** A failure to write, by whose fault it is. */
export function outputError(error: unknown, path: string): DragonflyError {
  if (error instanceof DragonflyError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const shown = path === "-" ? "standard output" : path;
  const details = { cause: error };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new DragonflyError("no-space", `${shown}: no space left to write to`, details);
    case "EEXIST":
      return new DragonflyError("output-exists", `${shown} is there already: --overwrite replaces it`, details);
    case "ENOENT":
    case "ENOTDIR":
      return new DragonflyError("output-missing", `${shown}: its directory does not exist`, details);
    case "EPIPE":
    case "ERR_STREAM_DESTROYED":
    case "ERR_STREAM_PREMATURE_CLOSE":
      return new DragonflyError("not-writable", `${shown} was closed by its reader`, details);
    default:
      return new DragonflyError("not-writable", `${shown} cannot be written: ${code || String(error)}`, details);
  }
}
