// What the operating system says of a disk, as an error that names the path, the cause and what to do.

import { DragonflyError } from "../core/error.ts";
import { systemCode } from "../runtime/system-code.ts";

const fullCodes = new Set(["ENOSPC", "EDQUOT"]);
const handleCodes = new Set(["EMFILE", "ENFILE"]);

const advice: Readonly<Record<string, string>> = {
  EACCES: "give this user the right to it, or choose another --data-dir",
  EPERM: "give this user the right to it, or choose another --data-dir",
  EROFS: "the file system is read-only; choose another --data-dir",
  ENOENT: "it was removed while in use; leave the data directory to this program",
  ENOTDIR: "a file stands where a directory should be; choose another --data-dir",
  EEXIST: "a file stands where a directory should be; choose another --data-dir",
  EIO: "the disk fails; check the system's log",
};

export function isFull(error: unknown): boolean {
  return fullCodes.has(systemCode(error) ?? "");
}

/** Errors of our own pass unchanged. */
export function storageError(error: unknown, path: string): DragonflyError {
  if (error instanceof DragonflyError) return error;
  const code = systemCode(error);
  if (code === undefined) return DragonflyError.from(error);
  if (isFull(error)) {
    const what = code === "EDQUOT" ? "the user's disk quota is used up" : "no space left on the device";
    return new DragonflyError(
      "no-space",
      `${path}: ${what} (${code}): free space, lower --quota or choose another --data-dir`,
      { cause: error },
    );
  }
  if (handleCodes.has(code)) {
    return new DragonflyError("overloaded", `${path}: too many open files (${code}): raise the limit on open files`, {
      cause: error,
    });
  }
  const what = advice[code] ?? "check the data directory";
  return new DragonflyError("not-writable", `${path}: cannot be read or written (${code}): ${what}`, { cause: error });
}
