// The files below a root directory: read within limits, and replaced whole, so that an engine never reads half of one.

import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { chmod, chown, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { Tree } from "./engine.ts";

const maxBytes = 1 << 20;
const maxNames = 10_000;

interface WriteOptions {
  /** Itself unless said otherwise. */
  readonly like?: string;
  /** Where there is nothing to be like. */
  readonly newMode?: number;
}

export class ConfigTree implements Tree {
  readonly #root: string;

  /** An absolute path. */
  constructor(root: string) {
    this.#root = root;
  }

  /** As the user finds it. */
  shown(path: string): string {
    return join(this.#root, path);
  }

  async read(path: string): Promise<string | undefined> {
    const file = this.shown(path);
    try {
      const stat = await lstat(file);
      if (stat.isSymbolicLink()) throw refusal(file, "it is a symbolic link: edit what it points to by hand");
      if (!stat.isFile()) throw refusal(file, "it is no file");
      if (stat.size > maxBytes) throw refusal(file, "too long for a configuration file");
      await this.#checkInside(file);
      return decode(file, await readFile(file));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw fileError(error, file, "read");
    }
  }

  async list(directory: string): Promise<readonly string[]> {
    const place = this.shown(directory);
    try {
      const names = await readdir(place);
      if (names.length > maxNames) throw refusal(place, "too many files for a configuration directory");
      return names.sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw fileError(error, place, "read");
    }
  }

  /** Replaces or creates the file: by a temporary name, with the mode and owner of `like`. Makes no directories. */
  async write(path: string, text: string, { like = path, newMode = 0o644 }: WriteOptions = {}): Promise<void> {
    const file = this.shown(path);
    const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      const old = await statOf(this.shown(like));
      await this.#checkInside(file);
      const handle = await open(temporary, "wx", 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (old !== undefined && (old.uid !== process.getuid?.() || old.gid !== process.getgid?.())) {
        await chown(temporary, old.uid, old.gid);
      }
      await chmod(temporary, (old?.mode ?? newMode) & 0o7777);
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw fileError(error, file, "written");
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await rm(this.shown(path), { force: true });
    } catch (error) {
      throw fileError(error, this.shown(path), "removed");
    }
  }

  /** The directories above a path that are not there, outermost first. */
  async missingAbove(path: string): Promise<readonly string[]> {
    const missing: string[] = [];
    for (let one = dirname(path); one !== "/" && (await statOf(this.shown(one))) === undefined; one = dirname(one)) {
      missing.unshift(one);
    }
    return missing;
  }

  async makeDirectory(path: string): Promise<void> {
    const [outermost = path] = await this.missingAbove(`${path}/file`);
    try {
      await this.#checkInside(this.shown(outermost));
      await mkdir(this.shown(path), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw fileError(error, this.shown(path), "made");
    }
  }

  /** Unless there is something in it. */
  async removeDirectory(path: string): Promise<void> {
    try {
      await rmdir(this.shown(path));
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(codeOf(error) ?? "")) {
        throw fileError(error, this.shown(path), "removed");
      }
    }
  }

  /** A link in an image could lead out of it, to the files of the machine that builds it. */
  async #checkInside(file: string): Promise<void> {
    const [root, folder] = await Promise.all([realpath(this.#root), realpath(dirname(file))]);
    if (root !== "/" && folder !== root && !folder.startsWith(`${root}/`)) {
      throw refusal(file, `it is not below ${this.#root}: a link leads to ${folder}`);
    }
  }
}

async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw fileError(error, file, "read");
  }
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new DragonflyError("bad-config", `${file}: it is not UTF-8 text`, { cause });
  }
}

function refusal(file: string, why: string): DragonflyError {
  return new DragonflyError("bad-config", `${file}: ${why}`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function fileError(error: unknown, file: string, verb: string): DragonflyError {
  if (error instanceof DragonflyError) return error;
  const code = codeOf(error);
  const details = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT") return new DragonflyError("no-space", `${file}: no space left`, details);
  const what = code === "EACCES" || code === "EPERM" ? "permission denied, run it as root" : (code ?? String(error));
  return new DragonflyError("not-writable", `${file} cannot be ${verb}: ${what}`, details);
}
