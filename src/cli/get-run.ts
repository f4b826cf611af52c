// One call of dfget: downloads a URL through the daemon of this machine, and starts a daemon where none runs.

import { DragonflyError } from "../core/error.ts";
import { readCertificates } from "../local/certificates.ts";
import { Download, nothingYet, type Observer, requestFrom } from "../local/download.ts";
import { downloadResult } from "../local/download-result.ts";
import { LocalClient } from "../local/local-client.ts";
import type { Output } from "../local/output.ts";
import { OutputFile } from "../local/output-file.ts";
import { OutputStream } from "../local/output-stream.ts";
import { type OutputTarget, resolveTarget } from "../local/output-target.ts";
import { reachDaemon } from "../local/reach-daemon.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { type GetConfig, getSchema } from "../runtime/get-config.ts";
import { openTracer } from "../runtime/tracing.ts";
import { publicUrl } from "../wire/public-url.ts";
import type { Call } from "./command.ts";
import { Interruption } from "./interruption.ts";
import type { Io } from "./io.ts";
import type { ProgressLine } from "./progress-line.ts";
import { resultLine } from "./result-line.ts";
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
    const ca = config.cacert === undefined ? undefined : await readCertificates(config.cacert, "--cacert");

    const interruption = new Interruption(this.#io, config.timeoutMs);
    const tracer = await openTracer("dfget", env);
    const attributes = { "url.full": config.displayUrl };
    const span = tracer.start("dfget", { kind: "client", parent: env.TRACEPARENT, attributes });
    const client = new LocalClient(config.socket, span.traceparent);
    let output: Output | undefined;
    try {
      output = await this.#open(target, config);
      interruption.lastWord = () => output?.discardNow();
      const { program } = this.#io;
      await reachDaemon(client, { config, place, env, program, signal: interruption.signal }, (message) =>
        this.#note(message),
      );
      this.#download = new Download(client, output, this.#observer(config));
      await this.#showProgress(config);
      await this.#download.run(requestFrom(config, output.ordered ? "stream" : "any", ca), interruption.signal);
      this.#closeBar();
      if (!config.quiet) this.#printResult(this.#download);
    } catch (error) {
      span.fail(DragonflyError.from(error));
      throw error;
    } finally {
      span.end();
      this.#closeBar();
      await output?.discard();
      client.close();
      interruption.close();
      await tracer.close();
    }
  }

  async #open(target: OutputTarget, config: GetConfig): Promise<Output> {
    if (target.kind === "file") return OutputFile.create(target, config.digests);
    return new OutputStream(target.path === "-" ? this.#io.stdout : undefined, target.path, config.digests);
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
      explained: (words) => {
        if (config.verbose) for (const sentence of words) this.#say(sentence);
      },
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
      url: this.#config === undefined ? null : publicUrl(this.#config.displayUrl),
      output: this.#target?.shown ?? this.#config?.output ?? null,
      elapsedMs: this.#elapsedMs,
    };
    this.#io.stdout.write(`${JSON.stringify(downloadResult(run, this.#download?.result ?? nothingYet, error))}\n`);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }
}
