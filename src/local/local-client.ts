// Talks to the daemon of this machine over its socket.

import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Blame, DragonflyError } from "../core/error.ts";
import {
  type DaemonStatus,
  type DownloadEvent,
  type DownloadRequest,
  maxEventBytes,
  readDaemonStatus,
  readDownloadEvent,
} from "../wire/local-api.ts";

/** Long: where a thousand programs start at once and share two processors, the daemon is slow and not gone. */
const statusTimeoutMs = 120_000;
const backPollMs = 200;
const maxAnswerBytes = 64 << 20;
const maxProblemBytes = 64 << 10;

interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class LocalClient {
  readonly socket: string;
  readonly #trace: { readonly traceparent?: string };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  /** `traceparent` says within whose trace it asks (W3C Trace Context). */
  constructor(socket: string, traceparent?: string) {
    this.socket = socket;
    this.#trace = traceparent === undefined ? {} : { traceparent };
  }

  /** What runs behind the socket; null when nothing does. Errors: `daemon-unreachable`, also for one that is silent. */
  async status(signal: AbortSignal): Promise<DaemonStatus | null> {
    const timeout = AbortSignal.timeout(statusTimeoutMs);
    const json = await this.get("/api/v1/status", AbortSignal.any([signal, timeout])).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw timeout.aborted ? this.#unreachable(new Error(`it is silent for ${statusTimeoutMs / 1000} s`)) : error;
    });
    return json === null ? null : readDaemonStatus(json);
  }

  /** What the daemon answers, as JSON; null when nothing runs behind the socket. Errors: what it refuses with; `daemon-unreachable`. */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    try {
      const response = await this.#ask({ method: "GET", path }, signal);
      if (response.statusCode !== 200) throw await problemOf(response);
      return JSON.parse(await readText(response, maxAnswerBytes));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw signal.aborted ? signal.reason : this.#unreachable(error);
    }
  }

  /** Resolves to whether a daemon answers within this time. */
  async back(withinMs: number, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline && !signal.aborted) {
      await sleep(backPollMs, undefined, { signal }).catch(() => {});
      if ((await this.status(signal).catch(() => null)) !== null) return true;
    }
    return false;
  }

  /** The lines that answer a download, the last of them `done` or `failed`. Leaving early closes the connection, and the daemon stops. */
  async *download(body: DownloadRequest, signal: AbortSignal): AsyncGenerator<DownloadEvent> {
    try {
      const question = { method: "POST", path: "/api/v1/downloads", body: JSON.stringify(body) } as const;
      const response = await this.#ask(question, signal);
      if (response.statusCode !== 200) throw await problemOf(response);
      for await (const line of linesOf(response)) {
        const event = readDownloadEvent(JSON.parse(line));
        if (event !== null) yield event;
        if (event?.type === "done" || event?.type === "failed") return;
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#unreachable(error);
    }
    throw this.#unreachable(new Error("it went away before the download was complete"));
  }

  /** Verified bytes of a version, from `start` to before `end`. */
  async content(
    versionId: string,
    [start, end]: readonly [number, number],
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const path = `/api/v1/versions/${versionId}/content`;
    const headers = { range: `bytes=${start}-${end - 1}` };
    try {
      const response = await this.#ask({ method: "GET", path, headers }, signal);
      if (response.statusCode === 206 || (response.statusCode === 200 && start === 0)) return response;
      throw await problemOf(response);
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#unreachable(error);
    }
  }

  /** Has the daemon read what it keeps of a version, and let go of it where that is not what was verified. */
  async prove(versionId: string, signal: AbortSignal): Promise<void> {
    try {
      const response = await this.#ask({ method: "POST", path: `/api/v1/versions/${versionId}/prove` }, signal);
      if (response.statusCode !== 200) throw await problemOf(response);
      await readText(response, maxProblemBytes);
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#unreachable(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask({ method, path, headers, body }: Question, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const json = body === undefined ? {} : { "content-type": "application/json" };
      const asked = request({
        socketPath: this.socket,
        agent: this.#agent,
        method,
        path,
        headers: { host: "localhost", ...this.#trace, ...headers, ...json },
        signal,
      });
      asked.once("response", resolve);
      asked.once("error", reject);
      asked.end(body);
    });
  }

  #unreachable(error: unknown): DragonflyError {
    if (error instanceof DragonflyError) return error;
    const code = errorCode(error);
    const why =
      code === "EACCES" || code === "EPERM"
        ? "permission is denied"
        : code === "ECONNRESET" || code === "EPIPE"
          ? "it went away; the same command again goes on where this one was"
          : error instanceof Error
            ? error.message
            : String(error);
    return new DragonflyError("daemon-unreachable", `the daemon at ${this.socket} cannot be used: ${why}`, {
      cause: error,
    });
  }
}

/** No process listens on the socket. */
export function isAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const lines = `${rest}${String(chunk)}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxEventBytes) throw new DragonflyError("protocol-violation", "the daemon sent an endless line");
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  if (rest.trim() !== "") yield rest;
}

/** The error in an `application/problem+json` answer. */
async function problemOf(response: IncomingMessage): Promise<DragonflyError> {
  const fallback = `the daemon answered with HTTP ${response.statusCode}`;
  const text = await readText(response, maxProblemBytes).catch(() => "");
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === "object" && problem !== null && "code" in problem && typeof problem.code === "string") {
      const { code, detail, title, blame, originStatus, retryAfterMs }: Problem = { ...problem, code: problem.code };
      const message = [detail, title].find((one) => typeof one === "string") ?? fallback;
      return DragonflyError.fromWire({
        code,
        message,
        blame: blames.find((one) => one === blame),
        originStatus: typeof originStatus === "number" ? originStatus : undefined,
        retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
      });
    }
  } catch {
    // Not JSON: the status says what there is to say.
  }
  return new DragonflyError("protocol-violation", fallback, { blame: "self" });
}

const blames: readonly Blame[] = ["caller", "origin", "peer", "self"];

interface Problem {
  readonly code: string;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly blame?: unknown;
  readonly originStatus?: unknown;
  readonly retryAfterMs?: unknown;
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > maxBytes) throw new DragonflyError("protocol-violation", "the daemon sent too long an answer");
  }
  return text;
}
