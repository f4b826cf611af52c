// Python's http.server as an origin: it knows no ranges, speaks HTTP/1.0, and is what people start when they need a server now.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accepting, freePort } from "./free-port.ts";

export class PythonServer {
  readonly #port: number;
  readonly #child: ChildProcess;
  #log = "";

  private constructor(folder: string, port: number) {
    this.#port = port;
    const flags = ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", folder];
    const child = spawn("python3", flags, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    this.#child = child;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    const found = spawnSync("python3", ["-c", "import http.server"], { stdio: "ignore" }).status === 0;
    return found ? false : "python3 is not installed";
  }

  static async start(folder: string): Promise<PythonServer> {
    const port = await freePort();
    const server = new PythonServer(folder, port);
    await accepting(port, AbortSignal.timeout(15_000));
    return server;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  /** Answers with content so far. */
  get served(): number {
    return this.#log.match(/" 200 /g)?.length ?? 0;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}
