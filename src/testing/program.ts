// One of the built programs as a real process: what it printed, how it ended, and that it ends with its test.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../runtime/package-root.ts";

export type ProgramName = "dragonfly" | "dfget" | "dfdaemon";

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A program that runs longer is killed; its test fails by the signal it ended with. */
  readonly killAfterMs?: number;
  /** The command that runs it, if not this process directly. */
  readonly under?: readonly string[];
}

/** How a program ended. `exit` is the name of a signal where one killed it. */
export interface Outcome {
  readonly exit: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly elapsedMs: number;
}

/** What programs may see of this process's environment: nothing that configures them. */
const inherited = ["PATH", "LANG", "TMPDIR", "NODE_COMPILE_CACHE"];

/** The time that a signal leaves to a server, and a little for a busy machine. */
const mayLeaveMs = 6000;

export class Program {
  readonly pid: number;
  /** Resolves when the process is gone and its output is read. Never rejects. */
  readonly ended: Promise<Outcome>;
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: string[] = [];
  #tellNews: () => void = () => {};
  #news: Promise<void> = Promise.resolve();
  #running = true;

  constructor(name: ProgramName, args: readonly string[], options: ProgramOptions) {
    const { cwd, env, killAfterMs = 60_000, under = [] } = options;
    const kept = inherited.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]));
    const startedMs = performance.now();
    const [command = process.execPath, ...rest] = [...under, process.execPath];
    const child = spawn(command, [...rest, join(packageRoot(), "bin", `${name}.js`), ...args], {
      cwd,
      env: { ...Object.fromEntries(kept), HOME: cwd, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#renew();
    child.stdout.on("data", (chunk: Buffer) => this.#heard(() => this.#stdout.push(chunk)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#heard(() => this.#stderr.push(text)));
    const overdue = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    this.ended = once(child, "close").then(([code, signal]) => {
      clearTimeout(overdue);
      this.#running = false;
      this.#tellNews();
      const elapsedMs = performance.now() - startedMs;
      return { exit: signal ?? code, stdout: this.stdout, stderr: this.stderr, elapsedMs };
    });
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return this.#stderr.join("");
  }

  get running(): boolean {
    return this.#running;
  }

  /** Resolves to the match when the program has said it; rejects when it ended without. */
  async said(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const news = this.#news;
      const match = pattern.exec(String(this[stream]));
      if (match !== null) return match;
      if (!this.#running) throw new Error(`it ended without saying ${pattern}: ${this.stdout}${this.stderr}`);
      await news;
    }
  }

  /** Resolves when it is gone; what takes longer than servers may is killed, and the outcome says so. */
  async kill(signal: NodeJS.Signals): Promise<Outcome> {
    if (this.#running) this.#child.kill(signal);
    const overdue = setTimeout(() => this.#child.kill("SIGKILL"), mayLeaveMs);
    const outcome = await this.ended;
    clearTimeout(overdue);
    return outcome;
  }

  #heard(take: () => void): void {
    take();
    this.#tellNews();
    this.#renew();
  }

  #renew(): void {
    this.#news = new Promise((resolve) => {
      this.#tellNews = resolve;
    });
  }
}
