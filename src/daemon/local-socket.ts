// The socket of the local API: one daemon has its name, from before it opens its data until after it has closed them, so that of two that
// start at once one leaves, and none takes away what another listens on.

import { once } from "node:events";
import { chmod, mkdir, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { DragonflyError } from "../core/error.ts";
import { listenError } from "../net/listen.ts";
import { socketOwnerOf } from "../runtime/locations.ts";
import { ProcessLock } from "../runtime/process-lock.ts";

export class LocalSocket {
  readonly #path: string;
  readonly #lock: ProcessLock;

  private constructor(path: string, lock: ProcessLock) {
    this.#path = path;
    this.#lock = lock;
  }

  /** Nobody listens yet. Errors: `address-in-use`, `not-writable`. */
  static async claim(path: string): Promise<LocalSocket> {
    const lock = await takeLock(path);
    // Whose lock does not count here: a daemon in a container of its own.
    if (lock !== undefined && !(await answers(path))) return new LocalSocket(path, lock);
    await lock?.release();
    const message = `a daemon listens on ${path} already: use it, or choose another --socket`;
    throw new DragonflyError("address-in-use", message);
  }

  /** What a dead daemon left there is taken over. Errors: `address-in-use`, `bad-config`. */
  async listen(server: Server): Promise<void> {
    await rm(this.#path, { force: true });
    try {
      server.listen(this.#path);
      await once(server, "listening");
      await chmod(this.#path, 0o600);
    } catch (cause) {
      throw listenError(cause, this.#path);
    }
  }

  /** Once nobody listens. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true });
    await this.#lock.release();
  }
}

async function takeLock(path: string): Promise<ProcessLock | undefined> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await ProcessLock.take(socketOwnerOf(path));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DragonflyError("not-writable", `cannot make ${path}: ${why}`, { cause });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
