// The daemon that a download asks: the one at its socket, or one started for it; and what its user should know of either.

import type { GetConfig } from "../runtime/get-config.ts";
import { dataDirFor } from "../runtime/locations.ts";
import type { Place } from "../runtime/setting.ts";
import type { LocalClient } from "./local-client.ts";

const noteAfterMs = 5000;

export interface Reach {
  readonly config: GetConfig;
  readonly place: Place;
  /** Of a daemon that is started. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file that runs `dragonfly`. */
  readonly program: string;
  readonly signal: AbortSignal;
}

/** Resolves when a daemon answers. Errors: `daemon-unreachable`, or what aborted the signal. */
export async function reachDaemon(client: LocalClient, reach: Reach, note: (message: string) => void): Promise<void> {
  const { config, place, env, program, signal } = reach;
  const { socket, supernodes, logLevel, logFormat } = config;
  const dataDir = config.dataDir ?? dataDirFor(socket, place);
  const launch = { program, env, socket, dataDir, supernodes, logLevel, logFormat };
  const slow = setTimeout(() => note(`waiting for the daemon at ${socket}, which has not answered yet`), noteAfterMs);
  const running = await client.status(signal).finally(() => clearTimeout(slow));
  // What starts one is loaded by whoever finds none.
  const { status, started } =
    running === null
      ? await (await import("./daemon-launcher.ts")).ensureDaemon(client, launch, signal)
      : { status: running, started: false };
  if (started) note(`no daemon was running: started one at ${socket}, it leaves when idle for 5 minutes`);
  const others = supernodes.some((url) => !status.supernodes.includes(url));
  if (!started && others) {
    const its = status.supernodes.length === 0 ? "no supernode" : status.supernodes.join(", ");
    note(`--supernode has no effect on a running daemon: the one at ${socket} uses ${its}`);
  }
}
