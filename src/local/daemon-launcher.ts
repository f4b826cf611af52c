// Starts a daemon for this user where none runs. Many callers at once end with one daemon: who holds the lock starts it, the others
// wait for its socket.

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { LogFormat, LogLevel } from "../runtime/config.ts";
import { launchLockOf, socketOwnerOf } from "../runtime/locations.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import type { DaemonStatus } from "../wire/local-api.ts";
import type { LocalClient } from "./local-client.ts";

export interface Launch {
  /** The file that runs `dragonfly`. */
  readonly program: string;
  readonly socket: string;
  readonly dataDir: string;
  readonly supernodes: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const upWithinMs = 30_000;
const pollMs = 50;

/** The daemon's status, and whether this call started it. Throws `daemon-unreachable` when none comes up. */
export async function ensureDaemon(
  client: LocalClient,
  launch: Launch,
  signal: AbortSignal,
): Promise<{ readonly status: DaemonStatus; readonly started: boolean }> {
  const running = await client.status(signal);
  if (running !== null) return { status: running, started: false };
  await mkdir(dirname(launch.socket), { recursive: true, mode: 0o700 }).catch(refuseDirectory);
  await mkdir(launch.dataDir, { recursive: true, mode: 0o700 }).catch(refuseDirectory);

  const deadline = performance.now() + upWithinMs;
  while (performance.now() < deadline) {
    const lock = await ProcessLock.take(launchLockOf(launch.socket)).catch(refuseDirectory);
    try {
      // Between the first look and the lock another may have come and gone.
      const status = await client.status(signal);
      if (status !== null) return { status, started: false };
      if (lock !== undefined && !(await isClaimed(launch.socket))) {
        // Rarely needed, and dfget must start fast.
        const { startDaemon } = await import("./daemon-process.ts");
        try {
          await startDaemon(launch, signal);
        } catch (error) {
          if (signal.aborted || !(await isClaimed(launch.socket))) throw error;
          // Another was faster.
          continue;
        }
        const fresh = await client.status(signal);
        if (fresh !== null) return { status: fresh, started: true };
        throw new DragonflyError("daemon-unreachable", `the daemon has started but not opened ${launch.socket}`);
      }
    } finally {
      await lock?.release();
    }
    await delay(pollMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) throw signal.reason;
  }
  throw new DragonflyError("daemon-unreachable", `no daemon has come up at ${launch.socket}`);
}

/** Whether a daemon comes up there, or leaves. */
async function isClaimed(socket: string): Promise<boolean> {
  return (await ProcessLock.holder(socketOwnerOf(socket))) !== undefined;
}

function refuseDirectory(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  throw new DragonflyError("daemon-unreachable", `no daemon runs, and none can be started: ${message}`, {
    cause: error,
  });
}
