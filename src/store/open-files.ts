// The piece files that are open now. Opening costs more than reading a piece, so those used last stay open, and no more than fit
// the limit: ten thousand holdings must not exhaust the process's handles.

import { type FileHandle, open } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import { storageError } from "./storage-error.ts";

export class OpenFiles {
  readonly #idleLimit: number;
  /** Open and not in use, least recently used first. Those in use are bounded by the store's read and write slots. */
  readonly #idle = new Set<PieceFile>();
  readonly #closing = new Set<Promise<void>>();

  constructor(idleLimit: number) {
    this.#idleLimit = idleLimit;
  }

  get idle(): number {
    return this.#idle.size;
  }

  busy(file: PieceFile): void {
    this.#idle.delete(file);
  }

  rest(file: PieceFile): void {
    this.#idle.add(file);
    for (const oldest of this.#idle) {
      if (this.#idle.size <= this.#idleLimit) break;
      this.close(oldest);
    }
  }

  close(file: PieceFile): void {
    this.#idle.delete(file);
    const closing = file.release().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async closeAll(): Promise<void> {
    for (const file of this.#idle) this.close(file);
    await Promise.all(this.#closing);
  }
}

/** One file, opened when needed and shared by all that read and write it. */
export class PieceFile {
  readonly path: string;
  readonly #files: OpenFiles;
  #handle: Promise<FileHandle> | undefined;
  #users = 0;
  #retired = false;

  constructor(files: OpenFiles, path: string) {
    this.#files = files;
    this.path = path;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#use(async (handle) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    });
  }

  /** Resolves to how many bytes there were, fewer than `length` at the end of the file. */
  async read(into: Uint8Array, offset: number, length: number): Promise<number> {
    return this.#use(async (handle) => {
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(into, done, length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  sync(): Promise<void> {
    return this.#use((handle) => handle.datasync());
  }

  /** Keeps it open until `letGo`, so that it can be read after its name is gone. Call `letGo` even when this fails. */
  async hold(): Promise<void> {
    this.#users++;
    this.#files.busy(this);
    await this.#open();
  }

  /** Closed as soon as nobody uses it, and not opened again: its name may mean another file by then. */
  retire(): void {
    this.#retired = true;
    if (this.#users === 0) this.#files.close(this);
  }

  letGo(): void {
    this.#users--;
    if (this.#users > 0) return;
    if (this.#retired || this.#handle === undefined) this.#files.close(this);
    else this.#files.rest(this);
  }

  /** Only for `OpenFiles`. */
  async release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await (await handle)?.close();
    } catch {
      // It did not open, or the kernel closed it: nothing is left to free.
    }
  }

  async #use<T>(work: (handle: FileHandle) => Promise<T>): Promise<T> {
    this.#users++;
    this.#files.busy(this);
    try {
      return await work(await this.#open());
    } catch (error) {
      throw storageError(error, this.path);
    } finally {
      this.letGo();
    }
  }

  #open(): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle;
    if (this.#retired)
      return Promise.reject(new DragonflyError("not-found", `${this.path} is closed: the store let it go`));
    const opening = open(this.path, "r+");
    this.#handle = opening;
    opening.catch(() => {
      if (this.#handle === opening) this.#handle = undefined;
    });
    return opening;
  }
}
