// The piece files that are open now. Opening costs more than reading a piece, so those used last stay open, and no more than fit
// the limit: ten thousand holdings must not exhaust the process's handles.

import { close, fdatasync, open, read, write } from "node:fs";
import { promisify } from "node:util";
import { DragonflyError } from "../core/error.ts";
import { storageError } from "./storage-error.ts";

/** Bare descriptors: a `FileHandle` costs each read and write several times what the callbacks do. */
const openFile = promisify(open) as (path: string, flags: string) => Promise<number>;
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

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
  #handle: Promise<number> | undefined;
  #users = 0;
  #retired = false;

  constructor(files: OpenFiles, path: string) {
    this.#files = files;
    this.path = path;
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return this.#use((handle) => writeAll(handle, bytes, offset));
  }

  /** Resolves to how many bytes there were, fewer than `length` at the end of the file. */
  read(into: Uint8Array, offset: number, length: number): Promise<number> {
    return this.#use((handle) => readAll(handle, into, { offset, length }));
  }

  sync(): Promise<void> {
    return this.#use((handle) => syncFile(handle));
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
      if (handle !== undefined) await closeFile(await handle);
    } catch {
      // It did not open, or the kernel closed it: nothing is left to free.
    }
  }

  async #use<T>(work: (handle: number) => Promise<T>): Promise<T> {
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

  #open(): Promise<number> {
    if (this.#handle !== undefined) return this.#handle;
    if (this.#retired)
      return Promise.reject(new DragonflyError("not-found", `${this.path} is closed: the store let it go`));
    const opening = openFile(this.path, "r+");
    this.#handle = opening;
    opening.catch(() => {
      if (this.#handle === opening) this.#handle = undefined;
    });
    return opening;
  }
}

function writeAll(handle: number, bytes: Uint8Array, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (done: number): void => {
      write(handle, bytes, done, bytes.length - done, offset + done, (error, written) => {
        if (error !== null) reject(error);
        else if (done + written >= bytes.length) resolve();
        else go(done + written);
      });
    };
    go(0);
  });
}

function readAll(
  handle: number,
  into: Uint8Array,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const go = (done: number): void => {
      read(handle, into, done, length - done, offset + done, (error, count) => {
        if (error !== null) reject(error);
        else if (count === 0 || done + count >= length) resolve(done + count);
        else go(done + count);
      });
    };
    go(0);
  });
}
