// A file that is filled under a temporary name in its own directory, in any order, and appears under its real one when complete.

import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { access, type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { Digest } from "../runtime/get-kinds.ts";
import { mismatch, type Output, outputError } from "./output.ts";
import type { OutputTarget } from "./output-target.ts";

const hashBufferBytes = 1 << 20;

export class OutputFile implements Output {
  readonly ordered = false;
  readonly #target: OutputTarget;
  readonly #digests: readonly Digest[];
  readonly #temporary: string;
  readonly #file: FileHandle;
  #state: "filling" | "finished" | "discarded" = "filling";

  private constructor(
    target: OutputTarget,
    digests: readonly Digest[],
    [temporary, file]: readonly [string, FileHandle],
  ) {
    this.#target = target;
    this.#digests = digests;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** Proves that the output can be written: throws `not-writable`, `no-space` or `output-missing`. */
  static async create(target: OutputTarget, digests: readonly Digest[]): Promise<OutputFile> {
    // The name is cut so that the longest still fits the 255 bytes that file systems take.
    const name = Buffer.from(basename(target.path)).subarray(0, 200).toString("utf8").replace(/�+$/, "");
    const temporary = join(dirname(target.path), `.${name}.dragonfly-${randomBytes(6).toString("hex")}`);
    try {
      const file = await open(temporary, "wx+", 0o666);
      if (target.mode !== undefined) await file.chmod(target.mode);
      return new OutputFile(target, digests, [temporary, file]);
    } catch (error) {
      throw outputError(error, target.shown);
    }
  }

  async begin(): Promise<void> {
    await this.#attempt(() => this.#file.truncate(0));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#attempt(async () => {
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, position + written);
        written += bytesWritten;
      }
    });
  }

  async finish(bytes: number, known: string | null): Promise<void> {
    await this.#attempt(async () => {
      const { size } = await this.#file.stat();
      if (size < bytes) throw new DragonflyError("internal", `only ${size} of ${bytes} bytes were written`);
      if (size > bytes) await this.#file.truncate(bytes);
      for (const digest of this.#digests) await this.#verify(digest, known);
      await this.#file.close();
      await this.#appear();
      this.#state = "finished";
    });
  }

  async discard(): Promise<void> {
    if (this.#state !== "filling") return;
    this.#state = "discarded";
    await this.#file.close().catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  discardNow(): void {
    if (this.#state === "filling") rmSync(this.#temporary, { force: true });
  }

  async #verify(digest: Digest, known: string | null): Promise<void> {
    const [algorithm, hex] = known?.split(":") ?? [];
    const actual = algorithm === digest.algorithm && hex !== undefined ? hex : await this.#hash(digest.algorithm);
    if (actual !== digest.hex) throw mismatch(digest, actual);
  }

  async #hash(algorithm: string): Promise<string> {
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafe(hashBufferBytes);
    for (let position = 0; ; ) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
  }

  /** A file that appeared under the name meanwhile stays, unless it was to be replaced: a link refuses where a rename would not. */
  async #appear(): Promise<void> {
    const { path, mode } = this.#target;
    if (mode !== undefined) return rename(this.#temporary, path);
    try {
      await link(this.#temporary, path);
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      const taken = await access(path).then(
        () => true,
        () => false,
      );
      if (taken) throw new DragonflyError("output-exists", `${path} has appeared meanwhile: --overwrite replaces it`);
      return rename(this.#temporary, path);
    }
    await rm(this.#temporary, { force: true });
  }

  async #attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw outputError(error, this.#target.shown);
    }
  }
}

/** The file system has no hard links. */
function isUnsupported(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code);
}
