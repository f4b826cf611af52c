// One call of `dragonfly preheat`: starts a preheat at a supernode and perhaps waits for it, lists them, or cancels one.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { sourceUrl } from "../runtime/get-kinds.ts";
import { type PreheatConfig, preheatSchema } from "../runtime/preheat-config.ts";
import { formatBytes, formatDuration } from "../runtime/units.ts";
import type { Call } from "./command.ts";
import { Interruption } from "./interruption.ts";
import { type PreheatRow, preheatRow, preheatRows } from "./preheat-row.ts";
import type { ProgressLine } from "./progress-line.ts";
import { SupernodeClient } from "./supernode-client.ts";
import { table } from "./table.ts";

const lookEveryMs = 500;
const maxPasswordBytes = 64 << 10;

export class PreheatRun {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  async run(): Promise<number> {
    const { flags, operands, io } = this.#call;
    const config = await loadConfig(preheatSchema, flags, surroundings(io.env));
    const client = new SupernodeClient(config);
    const [url] = operands;
    if (config.list) await this.#list(client, config);
    else if (config.cancel !== undefined) await this.#cancel(client, config, config.cancel);
    else if (url === undefined) throw new DragonflyError("bad-usage", "say what to preheat: a URL, or oci://IMAGE");
    else await this.#preheat(client, config, url);
    return 0;
  }

  async #list(client: SupernodeClient, { json }: PreheatConfig): Promise<void> {
    const answer = await client.preheats();
    const headings = ["PREHEAT", "STATE", "TO", "HOSTS", "CONTENTS", "BYTES", "URL"];
    const rows = (): string => table(headings, preheatRows(answer).map(cells));
    this.#call.io.stdout.write(json ? `${JSON.stringify(answer)}\n` : rows());
  }

  async #cancel(client: SupernodeClient, { json }: PreheatConfig, id: string): Promise<void> {
    await client.cancelPreheat(id);
    this.#call.io.stdout.write(json ? `${JSON.stringify({ cancelled: id })}\n` : `${id}\n`);
  }

  async #preheat(client: SupernodeClient, config: PreheatConfig, url: string): Promise<void> {
    const { io } = this.#call;
    const startedMs = performance.now();
    const answer = await client.startPreheat(await this.#body(config, url));
    const { id } = preheatRow(answer);
    if (!config.json) io.stdout.write(`${id}\n`);
    if (!config.wait) {
      if (config.json) io.stdout.write(`${JSON.stringify(answer)}\n`);
      return;
    }
    const last = await this.#wait(client, config, id);
    if (config.json) io.stdout.write(`${JSON.stringify(last)}\n`);
    const row = preheatRow(last);
    if (row.state === "cancelled") throw new DragonflyError("interrupted", "the preheat was cancelled");
    if (row.state !== "done") throw failureOf(row);
    if (!config.json) io.stderr.write(`${resultLine(row, performance.now() - startedMs)}\n`);
  }

  async #body(config: PreheatConfig, given: string): Promise<object> {
    const { to, platforms, headers, tag, filter, username, plainHttp } = config;
    const login = username === undefined ? {} : { username, password: await this.#password() };
    if (/^oci:\/\//i.test(given)) {
      if (Object.keys(headers).length > 0 || tag !== undefined || filter.length > 0) {
        throw new DragonflyError("bad-usage", "-H, -i and -f are for files: for an image give --username");
      }
      return { type: "image", url: given, to, platforms, plainHttp, ...login };
    }
    if (platforms.length > 0 || plainHttp) {
      throw new DragonflyError("bad-usage", "--platform and --plain-http are for images: write oci://IMAGE");
    }
    const { url } = sourceUrl.parse(given);
    return { type: "file", url, to, headers, filter, ...(tag === undefined ? {} : { tag }), ...login };
  }

  /** As `docker login` takes it: all of standard input, less the end of its line. */
  async #password(): Promise<string> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of this.#call.io.stdin ?? []) {
      const buffer = Buffer.from(part);
      parts.push(buffer);
      bytes += buffer.length;
      if (bytes > maxPasswordBytes) throw new DragonflyError("bad-usage", "the password on standard input is too long");
    }
    const password = Buffer.concat(parts)
      .toString("utf8")
      .replace(/\r?\n$/, "");
    if (password === "") throw new DragonflyError("bad-usage", "there is no password on standard input");
    return password;
  }

  /** Resolves to the supernode's last word. */
  async #wait(client: SupernodeClient, config: PreheatConfig, id: string): Promise<unknown> {
    const { io } = this.#call;
    const interruption = new Interruption(io, 0);
    let bar: ProgressLine | undefined;
    try {
      if (io.stderr.isTTY === true) bar = await (await import("./progress-line.ts")).ProgressLine.open(io.stderr);
      for (;;) {
        const answer = await client.preheat(id);
        const row = preheatRow(answer);
        if (row.isOver) return answer;
        bar?.draw(row.bytes, row.totalBytes, progressText(row));
        await sleep(lookEveryMs, undefined, { signal: interruption.signal });
      }
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      const where = config.supernodes.map((url) => ` -n ${url}`).slice(0, 1);
      const message = `interrupted: the preheat goes on; dragonfly preheat --cancel ${id}${where} ends it`;
      throw new DragonflyError("interrupted", message);
    } finally {
      bar?.close();
      interruption.close();
    }
  }
}

function cells({ id, state, to, hosts, contents, done, bytes, url }: PreheatRow): readonly string[] {
  return [id, state, to, String(hosts), `${done}/${contents}`, formatBytes(bytes), url];
}

/** `45%  90.0 MiB of 200.0 MiB  3 of 12 contents  on the supernode and 4 hosts` */
function progressText(row: PreheatRow): string {
  const { bytes, totalBytes, contents, done } = row;
  if (contents === 0) return "finding out what belongs to it";
  const amount = totalBytes === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
  const percent = totalBytes === null || totalBytes === 0 ? [] : [`${Math.floor((bytes / totalBytes) * 100)}%`];
  return [...percent, amount, `${done} of ${contents} contents`, placesOf(row)].join("  ");
}

/** `12 contents, 140.0 MiB, on the supernode and 4 hosts in 4.2s` */
function resultLine(row: PreheatRow, elapsedMs: number): string {
  const contents = row.contents === 1 ? "1 content" : `${row.contents} contents`;
  const bytes = formatBytes(row.bytes / (row.hosts + 1));
  return `${contents}, ${bytes}, ${placesOf(row)} in ${formatDuration(elapsedMs)}`;
}

function placesOf({ hosts }: PreheatRow): string {
  if (hosts === 0) return "on the supernode";
  return hosts === 1 ? "on the supernode and 1 host" : `on the supernode and ${hosts} hosts`;
}

function failureOf({ error, done, contents }: PreheatRow): DragonflyError {
  const progress = contents === 0 ? "" : ` (${done} of ${contents} contents are there)`;
  if (error === undefined) return new DragonflyError("internal", `the preheat failed${progress}`);
  return DragonflyError.fromWire({ ...error, message: `the preheat failed: ${error.message}${progress}` });
}
