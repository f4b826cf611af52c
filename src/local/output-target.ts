// Decides, before anything is asked of anyone, which file a download becomes.

import { constants, type Stats } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import { outputError } from "./output.ts";

export interface OutputTarget {
  /** As the user would write it. */
  readonly shown: string;
  /** `stream` for standard output, devices and pipes, which cannot be replaced by a file. */
  readonly kind: "file" | "stream";
  readonly path: string;
  /** Permissions of the file that will be replaced. */
  readonly mode?: number;
}

/** Throws `output-exists`, `output-missing`, `not-writable`, or `bad-usage` when the URL gives no name. */
export async function resolveTarget(
  output: string | undefined,
  url: string,
  overwrite: boolean,
): Promise<OutputTarget> {
  if (output === "-") return { shown: "-", kind: "stream", path: "-" };
  const asked = output ?? nameFromUrl(url);
  const there = await statOf(asked);
  const isDirectory = there?.isDirectory() === true;
  if (!isDirectory && asked.endsWith("/")) {
    throw new DragonflyError("output-missing", `${asked}: this directory does not exist`);
  }
  const shown = isDirectory ? join(asked, nameFromUrl(url)) : asked;
  const target = isDirectory ? await statOf(shown) : there;

  if (target === undefined) {
    await requireDirectory(dirname(shown), shown);
    return { shown, kind: "file", path: shown };
  }
  if (target.isDirectory()) throw new DragonflyError("output-exists", `${shown} is a directory`);
  // What is no regular file, /dev/null for one, is written into and never replaced.
  if (!target.isFile()) return { shown, kind: "stream", path: shown };
  if (!overwrite) throw new DragonflyError("output-exists", `${shown} is there already: --overwrite replaces it`);
  const path = await realpath(shown);
  await requireDirectory(dirname(path), shown);
  return { shown, kind: "file", path, mode: target.mode & 0o777 };
}

/** The last segment of the URL's path, as a file name that stays in its directory. */
export function nameFromUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  const segment = basename(pathname);
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // Not UTF-8 under the percent signs: the name is taken as it stands.
  }
  const unusable = name === "" || name === "." || name === ".." || Buffer.byteLength(name) > 230;
  if (unusable || /[/\p{Cc}]/u.test(name) || pathname.endsWith("/")) {
    throw new DragonflyError("bad-usage", `${origin}${pathname} ends in no file name: say where to write with -o FILE`);
  }
  return name;
}

async function requireDirectory(directory: string, shown: string): Promise<void> {
  const there = await statOf(directory);
  if (there?.isDirectory() !== true) {
    throw new DragonflyError("output-missing", `${shown}: the directory ${directory} does not exist`);
  }
  await access(directory, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw outputError(error, shown);
  });
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw outputError(error, path);
  }
}
