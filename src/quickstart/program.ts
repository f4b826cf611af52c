// The built programs as child processes: started, waited for, and ended with their owner.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../runtime/package-root.ts";

const maxSaidCharacters = 64 << 10;
const leaveWithinMs = 6000;

export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #stdout = "";
  #stderr = "";

  /** `file` is one of bin/. */
  constructor(file: string, args: readonly string[]) {
    this.#name = `${file.replace(/\.js$/, "")} ${args[0] ?? ""}`;
    this.#child = spawn(process.execPath, [join(packageRoot(), "bin", file), ...args], {
      env: ownEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      // A terminal's ctrl-C is for the owner, who ends its programs in order.
      detached: true,
    });
    this.#child.stdout?.on("data", (text) => {
      this.#stdout = `${this.#stdout}${text}`.slice(-maxSaidCharacters);
    });
    this.#child.stderr?.on("data", (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-maxSaidCharacters);
    });
    this.#exited = once(this.#child, "close").then(([code]: (number | null)[]) => code ?? null);
    this.#exited.catch(() => {});
  }

  /** What `pattern` finds in a line that a server prints when it serves. */
  async ready(pattern: RegExp): Promise<string> {
    const { stdout } = this.#child;
    if (stdout === null) throw this.#failure("has no output");
    const found = new Promise<string>((resolve) => {
      createInterface({ input: stdout }).on("line", (line) => {
        const match = pattern.exec(line);
        if (match !== null) resolve(match[1] ?? "");
      });
    });
    return Promise.race([
      found,
      this.#exited.then((code) => {
        throw this.#failure(`ended with ${code} before it was ready`);
      }),
    ]);
  }

  /** What a command printed, once it is done. */
  async output(): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const code = await this.#exited;
    if (code !== 0) throw this.#failure(`ended with ${code}`);
    return { stdout: this.#stdout, stderr: this.#stderr };
  }

  async stop(): Promise<void> {
    this.#child.kill();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), leaveWithinMs);
    await this.#exited.catch(() => {});
    clearTimeout(timer);
  }

  #failure(what: string): Error {
    return new Error(`${this.#name} ${what}\n${this.#stderr}`.trim());
  }
}

/** Neither a proxy nor settings meant for a real cluster may have a part in this. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(?:DRAGONFLY_.*|(?:http|https|all|no)_proxy)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
