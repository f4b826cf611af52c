// Where a measurement takes place: a folder, the processes started in it, and whatever else has to be undone. All of it is gone when the
// measurement ends, also when it fails or is interrupted.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statfsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

const drainMs = 6000;

/** @typedef {{ network?: string, log?: string, stdin?: "pipe", stdout?: "pipe" }} RunOptions */

export class Stage {
  /** @type {Set<Running>} */
  #processes = new Set();
  /** @type {(() => unknown)[]} */
  #cleanups = [];
  #closing;
  #onSignal = () => {
    void this.close().then(() => process.exit(130));
  };

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** In the given directory, or the system's for temporary files. */
  static async open(parent = "") {
    return new Stage(await mkdtemp(join(parent === "" ? tmpdir() : parent, "dragonfly-bench-")));
  }

  /** A folder in memory if so much fits there, so that one machine's disk does not stand in for many; else in the stage's own. */
  async roomy(bytes) {
    const shm = "/dev/shm";
    try {
      const { bavail, bsize } = statfsSync(shm);
      if (Math.min(bavail * bsize, freemem()) < bytes) return this.folder;
      const folder = await mkdtemp(join(shm, "dragonfly-bench-"));
      this.onClose(() => rm(folder, { recursive: true, force: true }));
      return folder;
    } catch {
      return this.folder;
    }
  }

  /** Undone in reverse order, after the processes are gone. @param {() => unknown} cleanup */
  onClose(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /**
   * Starts a program, inside a network of its own if one is named.
   * @param {string} command
   * @param {readonly string[]} args
   * @param {RunOptions} options
   */
  start(command, args, options = {}) {
    const running = new Running(command, args, options);
    this.#processes.add(running);
    void running.ended.then(() => this.#processes.delete(running));
    return running;
  }

  /** Runs it to its end and throws when that is not well. @returns {Promise<number>} milliseconds */
  async run(command, args, options = {}) {
    const { ended, startedMs, command: shown } = this.start(command, args, options);
    const { code, endedMs } = await ended;
    if (code !== 0) throw new Error(`${shown} ended with ${code}${tail(options.log)}`);
    return endedMs - startedMs;
  }

  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    const running = [...this.#processes];
    await Promise.all(running.map((one) => one.stop()));
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    await rm(this.folder, { recursive: true, force: true });
    // Not before: who stops a whole process group signals more than once.
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
  }
}

export class Running {
  startedMs = performance.now();
  #child;
  #log;

  constructor(command, args, { network, log, stdin, stdout }) {
    this.command = [command, ...args].join(" ");
    this.#log = log;
    const output = log === undefined ? "ignore" : openSync(log, "w");
    const [program, ...rest] =
      network === undefined ? [command, ...args] : ["ip", "netns", "exec", network, command, ...args];
    this.#child = spawn(program, rest, { stdio: [stdin ?? "ignore", stdout ?? output, output] });
    if (typeof output === "number") closeSync(output);
    /** @type {Promise<{ code: number | string, endedMs: number }>} */
    this.ended = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve({ code: signal ?? code ?? -1, endedMs: performance.now() }));
      this.#child.once("error", (error) => resolve({ code: error.message, endedMs: performance.now() }));
    });
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  get stdin() {
    return this.#child.stdin;
  }

  get stdout() {
    return this.#child.stdout;
  }

  /** Resolves to the match once it is in the log; rejects when the process ended without it, or after half a minute. */
  async said(pattern, withinMs = 30_000) {
    const until = performance.now() + withinMs;
    let ended = false;
    void this.ended.then(() => {
      ended = true;
    });
    for (;;) {
      const match = pattern.exec(readFileSync(this.#log, "utf8"));
      if (match !== null) return match;
      if (ended || performance.now() > until)
        throw new Error(`${this.command} did not say ${pattern}${tail(this.#log)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The end of its log. */
  get lastWords() {
    return tail(this.#log).trim();
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  /** In order, or after a while not. */
  async stop() {
    this.kill("SIGTERM");
    const overdue = setTimeout(() => this.kill("SIGKILL"), drainMs);
    await this.ended;
    clearTimeout(overdue);
  }
}

function tail(log) {
  return log === undefined ? "" : `:\n${readFileSync(log, "utf8").slice(-2000)}`;
}
