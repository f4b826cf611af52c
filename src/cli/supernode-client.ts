// Asks a supernode's HTTP API for the commands that show and change a cluster.

import { DragonflyError } from "../core/error.ts";

const timeoutMs = 10_000;
const maxAnswerBytes = 256 << 20;

export interface TaskRow {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly length: number | null;
  readonly peers: number;
  readonly bytesBySource: { readonly peers: number; readonly supernode: number; readonly origin: number };
}

export interface HostRow {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly tasks: number;
  readonly strikes: number;
}

export class SupernodeClient {
  readonly #urls: readonly string[];

  /** Asks the first of `urls` that answers. */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** All pages as one. */
  tasks(): Promise<unknown> {
    return this.#all("/api/v1/tasks", "tasks");
  }

  hosts(): Promise<unknown> {
    return this.#all("/api/v1/hosts", "hosts");
  }

  explanation(taskId: string): Promise<unknown> {
    return this.#ask("GET", `/api/v1/tasks/${encodeURIComponent(taskId)}/explain`);
  }

  async remove(taskId: string): Promise<void> {
    await this.#ask("DELETE", `/api/v1/tasks/${encodeURIComponent(taskId)}`);
  }

  preheats(): Promise<unknown> {
    return this.#ask("GET", "/api/v1/preheats");
  }

  preheat(id: string): Promise<unknown> {
    return this.#ask("GET", `/api/v1/preheats/${encodeURIComponent(id)}`);
  }

  /** `body` may hold credentials. */
  startPreheat(body: object): Promise<unknown> {
    return this.#ask("POST", "/api/v1/preheats", body);
  }

  async cancelPreheat(id: string): Promise<void> {
    await this.#ask("DELETE", `/api/v1/preheats/${encodeURIComponent(id)}`);
  }

  async #all(path: string, key: string): Promise<unknown> {
    const all: Fields[] = [];
    for (let cursor = ""; ; ) {
      const answer = await this.#ask("GET", cursor === "" ? path : `${path}?cursor=${encodeURIComponent(cursor)}`);
      all.push(...listIn(answer, key));
      const { next } = fieldsOf(answer);
      if (typeof next !== "string" || next <= cursor) return { [key]: all };
      cursor = next;
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const silent: string[] = [];
    for (const url of this.#urls) {
      let response: Response;
      try {
        response = await fetch(`${url}${path}`, {
          method,
          ...sent,
          redirect: "error",
          signal: AbortSignal.timeout(timeoutMs),
        });
      } catch (error) {
        const cause = error instanceof Error ? (error.cause ?? error) : error;
        silent.push(`${url} (${reasonOf(cause)})`);
        continue;
      }
      return answerOf(response, url);
    }
    throw new DragonflyError(
      "supernode-unreachable",
      `no supernode answers: ${silent.join(", ")}; name it with --supernode URL`,
    );
  }
}

/** Rows of `tasks`; what an older supernode does not tell is left empty. */
export function taskRows(answer: unknown): readonly TaskRow[] {
  return listIn(answer, "tasks").map((task) => ({
    id: text(task.id),
    url: text(task.url),
    state: text(task.state),
    length: typeof task.length === "number" ? task.length : null,
    peers: count(fieldsOf(task.peers).fetching) + count(fieldsOf(task.peers).complete),
    bytesBySource: bySource(task.bytesBySource),
  }));
}

export function hostRows(answer: unknown): readonly HostRow[] {
  return listIn(answer, "hosts").map((host) => ({
    id: text(host.id),
    address: text(host.address),
    state: host.isolated === true ? "isolated" : host.standing === "probation" ? "probation" : "ok",
    tasks: count(host.tasks),
    strikes: count(host.strikes),
  }));
}

type Fields = Readonly<Record<string, unknown>>;

async function answerOf(response: Response, url: string): Promise<unknown> {
  const body = await readText(response, url);
  if (response.ok && body === "") return null;
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new DragonflyError(
      "protocol-violation",
      `${url} is no supernode: it answered HTTP ${response.status} without JSON`,
    );
  }
  if (response.ok) return json;
  const problem = fieldsOf(json);
  const message = text(problem.detail) || text(problem.title) || `${url} answered HTTP ${response.status}`;
  throw DragonflyError.fromWire({
    code: text(problem.code) || (response.status === 404 ? "not-found" : "internal"),
    message,
  });
}

async function readText(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new DragonflyError("protocol-violation", `${url} sent too long an answer`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

function listIn(answer: unknown, key: string): readonly Fields[] {
  const list = fieldsOf(answer)[key];
  if (!Array.isArray(list)) throw new DragonflyError("protocol-violation", `the supernode's answer has no "${key}"`);
  return list.map(fieldsOf);
}

function bySource(value: unknown): TaskRow["bytesBySource"] {
  const fields = fieldsOf(value);
  return { peers: count(fields.peers), supernode: count(fields.supernode), origin: count(fields.origin) };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number {
  return Array.isArray(value) ? value.length : typeof value === "number" ? value : 0;
}
