// A supernode inside another program: options instead of flags and files.

import { parseSupernodeOptions, type SupernodeOptions as Settings } from "../runtime/config.ts";
import type { Supernode as RunningSupernode } from "../supernode/supernode.ts";
import { chooseLog, type LogOptions } from "./log.ts";

/** The settings of `dragonfly supernode` in camelCase: numbers are bytes, bytes per second and milliseconds, text may have units. */
export type SupernodeOptions = Omit<Settings, "config"> & LogOptions;

export class Supernode {
  readonly #running: RunningSupernode;

  private constructor(running: RunningSupernode) {
    this.#running = running;
  }

  /** Resolves when it serves. Errors: `bad-config`, `address-in-use`, `not-writable`. */
  static async start({ log, ...settings }: SupernodeOptions = {}): Promise<Supernode> {
    const config = parseSupernodeOptions(settings);
    // Loaded when it is started: a program that only downloads pays nothing for it.
    const { Supernode: Running } = await import("../supernode/supernode.ts");
    return new Supernode(await Running.start(config, await chooseLog(log, { logLevel: settings.logLevel }, config)));
  }

  /** `http://host:port`, with the real port. */
  get url(): string {
    return this.#running.url;
  }

  /** Stops serving, tells the daemons, and gives everything free. Idempotent. */
  close(): Promise<void> {
    return this.#running.close();
  }
}
