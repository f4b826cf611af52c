// One call of dfget: downloads a URL through the daemon of this machine, and starts a daemon where none runs.

import { readFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { type GetConfig, getSchema } from "../runtime/get-config.ts";
import { dataDirFor } from "../runtime/locations.ts";
import type { Call } from "./command.ts";
import { ensureDaemon } from "./daemon-launcher.ts";
import { Download, nothingYet, type Observer, requestFrom } from "./download.ts";
import { Interruption } from "./interruption.ts";
import type { Io } from "./io.ts";
import { LocalClient } from "./local-client.ts";
import type { Output } from "./output.ts";
import { OutputFile } from "./output-file.ts";
import { OutputStream } from "./output-stream.ts";
import { type OutputTarget, resolveTarget } from "./output-target.ts";
import type { ProgressLine } from "./progress-line.ts";
import { getResult, resultLine } from "./result.ts";
import { say } from "./say.ts";

/** From flags to exit code. */
export class GetRun {
  readonly #io: Io;
  readonly #call: Call;
  readonly #startedMs = performance.now();
  #json: boolean;
  #config: GetConfig | undefined;
  #target: OutputTarget | undefined;
  #download: Download | undefined;
  #bar: ProgressLine | undefined;

  constructor(call: Call) {
    this.#io = call.io;
    this.#call = call;
    this.#json = call.flags.some(({ name }) => name === "json");
  }

  async run(): Promise<number> {
    try {
      await this.#get();
    } catch (error) {
      const failure = DragonflyError.from(error);
      this.#say(failure.message);
      if (failure.code === "internal" && error instanceof Error) this.#io.stderr.write(`${error.stack ?? ""}\n`);
      this.#printJson(failure);
      return failure.exit;
    }
    this.#printJson();
    return 0;
  }

  async #get(): Promise<void> {
    const { env, place } = surroundings(this.#io.env);
    const [operand] = this.#call.operands;
    const positional = operand === undefined ? [] : [{ name: "url", raw: operand, source: "URL" }];
    const config = await loadConfig(getSchema, [...positional, ...this.#call.flags], { env, place });
    this.#config = config;
    const target = await resolveTarget(config.output, config.displayUrl, config.overwrite);
    this.#target = target;
    const ca = config.cacert === undefined ? undefined : await readCertificates(config.cacert);

    const interruption = new Interruption(this.#io, config.timeoutMs);
    const client = new LocalClient(config.socket);
    let output: Output | undefined;
    try {
      output = await this.#open(target, config);
      interruption.lastWord = () => output?.discardNow();
      const dataDir = config.dataDir ?? dataDirFor(config.socket, place);
      await this.#reachDaemon(client, { config, dataDir, signal: interruption.signal });
      this.#download = new Download(client, output, this.#observer(config));
      await this.#showProgress(config);
      await this.#download.run(requestFrom(config, output.ordered ? "stream" : "any", ca), interruption.signal);
      this.#closeBar();
      if (!config.quiet) this.#printResult(this.#download);
    } finally {
      this.#closeBar();
      await output?.discard();
      client.close();
      interruption.close();
    }
  }

  async #open(target: OutputTarget, config: GetConfig): Promise<Output> {
    if (target.kind === "file") return OutputFile.create(target, config.digests);
    return new OutputStream(target.path === "-" ? this.#io.stdout : undefined, target.path, config.digests);
  }

  async #reachDaemon(
    client: LocalClient,
    how: { readonly config: GetConfig; readonly dataDir: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const { config, dataDir, signal } = how;
    const { socket, supernodes, logLevel, logFormat } = config;
    const { program, env } = this.#io;
    const launch = { program, env, socket, dataDir, supernodes, logLevel, logFormat };
    const { status, started } = await ensureDaemon(client, launch, signal);
    if (started) this.#note(`no daemon was running: started one at ${socket}, it leaves when idle for 5 minutes`);
    const others = supernodes.some((url) => !status.supernodes.includes(url));
    if (!started && others) {
      const its = status.supernodes.length === 0 ? "no supernode" : status.supernodes.join(", ");
      this.#note(`--supernode has no effect on a running daemon: the one at ${socket} uses ${its}`);
    }
  }

  #observer(config: GetConfig): Observer {
    const noted = new Set<string>();
    return {
      note: (message) => {
        if (!noted.has(message)) this.#note(message);
        if (noted.size < 100) noted.add(message);
      },
      step: (message) => {
        if (config.verbose) this.#say(message);
      },
      accepted: ({ taskId, length }) => {
        if (config.verbose) this.#say(`task ${taskId}, ${length === null ? "of unknown length" : `${length} bytes`}`);
      },
      progress: (progress) => this.#bar?.show(progress),
    };
  }

  async #showProgress({ quiet }: GetConfig): Promise<void> {
    if (quiet || this.#io.stderr.isTTY !== true) return;
    // Loaded while the daemon works; who has no terminal never pays for it.
    const { ProgressLine } = await import("./progress-line.ts");
    this.#bar = await ProgressLine.open(this.#io.stderr);
  }

  #closeBar(): void {
    this.#bar?.close();
    this.#bar = undefined;
  }

  #note(message: string): void {
    if (this.#config?.quiet !== true) this.#say(message);
  }

  #say(message: string): void {
    // The bar draws itself again below.
    if (this.#bar !== undefined) this.#io.stderr.write("\r\x1b[K");
    say(this.#io, this.#call.program, message);
  }

  #printResult({ result }: Download): void {
    this.#io.stderr.write(`${resultLine(result, this.#elapsedMs)}\n`);
  }

  #printJson(error?: DragonflyError): void {
    if (!this.#json && this.#config?.json !== true) return;
    const run = {
      url: this.#config?.displayUrl ?? null,
      output: this.#target?.shown ?? this.#config?.output ?? null,
      elapsedMs: this.#elapsedMs,
    };
    this.#io.stdout.write(`${JSON.stringify(getResult(run, this.#download?.result ?? nothingYet, error))}\n`);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }
}

async function readCertificates(path: string): Promise<string> {
  const refuse = (why: string): DragonflyError => new DragonflyError("bad-config", `--cacert: ${path} ${why}`);
  const text = await readFile(path, "utf8").catch(() => {
    throw refuse("cannot be read");
  });
  if (text.length > 4 << 20) throw refuse("is too long for certificates");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw refuse("holds no PEM certificate");
  return text;
}
