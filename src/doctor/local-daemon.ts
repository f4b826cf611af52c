// Whether a daemon runs on this machine, by its socket and the lock in its data directory.

import { LocalClient } from "../local/local-client.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import { dataLockOf } from "../store/disk-store.ts";
import type { DaemonStatus } from "../wire/local-api.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

export interface LocalDaemon {
  readonly finding: Finding;
  /** Null where none answers. */
  readonly status: DaemonStatus | null;
  /** Of whoever has the data directory. */
  readonly pid: number | undefined;
}

export async function findLocalDaemon(socket: string, dataDir: string): Promise<LocalDaemon> {
  const pid = await ProcessLock.holder(dataLockOf(dataDir));
  const client = new LocalClient(socket);
  try {
    const status = await client.status(AbortSignal.timeout(10_000));
    return { finding: findingOf(status, socket, pid), status, pid };
  } catch (error) {
    const found = `the socket ${socket} cannot be used (${reasonOf(error)})`;
    const todo = "see who may use it (ls -l) and that a daemon listens there, or name another with --socket";
    return { finding: fail("daemon", found, todo), status: null, pid };
  } finally {
    client.close();
  }
}

function findingOf(status: DaemonStatus | null, socket: string, pid: number | undefined): Finding {
  if (status === null && pid !== undefined) {
    const found = `process ${pid} has the data directory, and no daemon answers at ${socket}`;
    return fail("daemon", found, "name the daemon's socket with --socket, or restart it");
  }
  if (status === null) {
    const todo = "start it: dragonfly daemon, or systemctl start dragonfly-daemon; dfget starts one while it needs it";
    return warn("daemon", `none runs at ${socket}`, todo);
  }
  if (status.version !== packageVersion) {
    const found = `version ${status.version} runs at ${socket}, ${packageVersion} is installed`;
    return warn("daemon", found, "restart the daemon");
  }
  return ok("daemon", `version ${status.version} runs at ${socket}${status.standIn ? ", started by dfget" : ""}`);
}
