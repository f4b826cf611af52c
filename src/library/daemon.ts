// A daemon inside another program: options instead of flags and files.

import type { Daemon as RunningDaemon } from "../daemon/daemon.ts";
import { parseDaemonOptions, type DaemonOptions as Settings } from "../runtime/config.ts";
import { chooseLog, type LogOptions } from "./log.ts";

/** The settings of `dragonfly daemon` in camelCase: numbers are bytes, bytes per second and milliseconds, text may have units. */
export type DaemonOptions = Omit<Settings, "config"> & LogOptions;

export class Daemon {
  readonly #running: RunningDaemon;

  private constructor(running: RunningDaemon) {
    this.#running = running;
  }

  /** Resolves when it serves. Errors: `bad-config`, `address-in-use`, `not-writable`. */
  static async start({ log, ...settings }: DaemonOptions = {}): Promise<Daemon> {
    const config = parseDaemonOptions(settings);
    // Loaded when it is started: a program that only downloads pays nothing for it.
    const { Daemon: Running } = await import("../daemon/daemon.ts");
    return new Daemon(await Running.start(config, await chooseLog(log, { logLevel: settings.logLevel }, config)));
  }

  /** Where other hosts fetch pieces. */
  get piecesUrl(): string {
    return this.#running.piecesUrl;
  }

  /** Null when the proxy is off. */
  get proxyUrl(): string | null {
    return this.#running.proxyUrl;
  }

  /** Path of the socket on which it serves downloads. */
  get socket(): string {
    return this.#running.socket;
  }

  /** Resolves when it had nothing to do for `idleExit`; never when that is 0. */
  get idle(): Promise<void> {
    return this.#running.idle;
  }

  /** Stops serving, tells the supernode, keeps every verified piece. Idempotent. */
  close(): Promise<void> {
    return this.#running.close();
  }
}
