// Asks a supernode's HTTP API for the commands that show and change a cluster.

import { DragonflyError } from "../core/error.ts";
import { fetchAuthority } from "../net/credentials.ts";
import { askSupernode, refusalIn } from "../net/supernode-request.ts";
import { addressOfUrl } from "../runtime/address.ts";
import { secretText } from "../runtime/secret-text.ts";
import { parseToken } from "../wire/token.ts";

const timeoutMs = 10_000;
const local = "http://127.0.0.1:8002";

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

export interface ClusterAccess {
  /** None: those that the token names, or the one on this machine. */
  readonly supernodes: readonly string[];
  /** The text, or `@FILE`. */
  readonly token?: string | undefined;
}

export class SupernodeClient {
  readonly #cluster: ClusterAccess;

  /** Asks the first that answers. */
  constructor(cluster: ClusterAccess) {
    this.#cluster = cluster;
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
    const given = this.#cluster.token;
    const token = given === undefined ? undefined : await secretText(given);
    const known = token === undefined ? undefined : parseToken(token);
    const { supernodes } = this.#cluster;
    const named =
      supernodes.length > 0 ? supernodes : (known?.supernodes.map((address) => `https://${address}`) ?? [local]);
    const silent: string[] = [];
    for (const name of named) {
      // Who shows a token wants it to be seen by nobody else.
      const url = known === undefined ? name : name.replace(/^http:/, "https:");
      try {
        const authority = known && (await fetchAuthority(addressOfUrl(url), known.authority, timeoutMs));
        const answer = await askSupernode(url, { method, path, body, token, authority, timeoutMs });
        if (answer.status < 200 || answer.status > 299) throw refusalIn(answer, url);
        return answer.body === "" ? null : jsonOf(answer.body, url);
      } catch (error) {
        if (error instanceof DragonflyError && error.code !== "supernode-unreachable") throw error;
        silent.push(`${url} (${reasonOf(error)})`);
      }
    }
    const hint = known === undefined ? "; one that speaks TLS needs --token" : "";
    throw new DragonflyError(
      "supernode-unreachable",
      `no supernode answers: ${silent.join(", ")}; name it with --supernode URL${hint}`,
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

function jsonOf(body: string, url: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new DragonflyError("protocol-violation", `${url} is no supernode: it answered without JSON`);
  }
}

function reasonOf(thrown: unknown): string {
  const error = thrown instanceof DragonflyError ? thrown.cause : thrown;
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
