// Asks the supernodes of a cluster by their HTTP API, for the commands that show and change it.

import { DragonflyError } from "../core/error.ts";
import { fetchAuthority } from "../net/credentials.ts";
import { askSupernode, refusalIn } from "../net/supernode-request.ts";
import { addressOfUrl } from "../runtime/address.ts";
import { secretText } from "../runtime/secret-text.ts";
import { parseToken, type Token } from "../wire/token.ts";
import { type Fields, fieldsOf, listIn } from "./cluster-rows.ts";

const timeoutMs = 10_000;
const local = "http://127.0.0.1:8002";

export interface ClusterAccess {
  /** None: those that the token names, or the one on this machine. */
  readonly supernodes: readonly string[];
  /** The text, or `@FILE`. */
  readonly token?: string | undefined;
}

/** What those who answered say, and who did not and why: `URL (ECONNREFUSED)`. */
export interface Told<T> {
  readonly answers: readonly { readonly url: string; readonly answer: T }[];
  readonly silent: readonly string[];
}

interface Door {
  readonly urls: readonly string[];
  readonly text: string | undefined;
  readonly token: Token | undefined;
}

interface Asked {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** May hold credentials. */
  readonly body?: object | undefined;
}

export class SupernodeClient {
  readonly #cluster: ClusterAccess;
  #door: Promise<Door> | undefined;

  constructor(cluster: ClusterAccess) {
    this.#cluster = cluster;
  }

  /** Of all supernodes, all pages: `{"tasks":[…]}`, each with the `supernode` that tells it where there are several. */
  tasks(note: (message: string) => void): Promise<unknown> {
    return this.#lists("/api/v1/tasks", "tasks", note);
  }

  hosts(note: (message: string) => void): Promise<unknown> {
    return this.#lists("/api/v1/hosts", "hosts", note);
  }

  /** By the first that knows the task. */
  async explanation(taskId: string): Promise<unknown> {
    const path = `/api/v1/tasks/${encodeURIComponent(taskId)}/explain`;
    const { answers } = await this.#everywhere((url) => this.#ask(url, { method: "GET", path }));
    return answers[0]?.answer;
  }

  remove(taskId: string): Promise<Told<unknown>> {
    const path = `/api/v1/tasks/${encodeURIComponent(taskId)}`;
    return this.#everywhere((url) => this.#ask(url, { method: "DELETE", path }));
  }

  isolate(hostId: string): Promise<Told<unknown>> {
    return this.#order(hostId, "isolate");
  }

  release(hostId: string): Promise<Told<unknown>> {
    return this.#order(hostId, "release");
  }

  preheats(): Promise<unknown> {
    return this.#first({ method: "GET", path: "/api/v1/preheats" });
  }

  preheat(id: string): Promise<unknown> {
    return this.#first({ method: "GET", path: `/api/v1/preheats/${encodeURIComponent(id)}` });
  }

  startPreheat(body: object): Promise<unknown> {
    return this.#first({ method: "POST", path: "/api/v1/preheats", body });
  }

  async cancelPreheat(id: string): Promise<void> {
    await this.#first({ method: "DELETE", path: `/api/v1/preheats/${encodeURIComponent(id)}` });
  }

  #order(hostId: string, order: "isolate" | "release"): Promise<Told<unknown>> {
    const path = `/api/v1/hosts/${encodeURIComponent(hostId)}/${order}`;
    return this.#everywhere((url) => this.#ask(url, { method: "POST", path }));
  }

  async #lists(path: string, key: string, note: (message: string) => void): Promise<unknown> {
    const { answers, silent } = await this.#everywhere((url) => this.#pages(url, path, key));
    for (const one of silent) note(`no answer from ${one}: what it knows is missing here`);
    const several = answers.length + silent.length > 1;
    const rows = answers.flatMap(({ url, answer }) =>
      answer.map((row) => (several ? { ...row, supernode: url } : row)),
    );
    return { [key]: rows.sort((a, b) => (String(a.id) < String(b.id) ? -1 : String(a.id) > String(b.id) ? 1 : 0)) };
  }

  async #pages(url: string, path: string, key: string): Promise<readonly Fields[]> {
    const all: Fields[] = [];
    for (let cursor = ""; ; ) {
      const page = cursor === "" ? path : `${path}?cursor=${encodeURIComponent(cursor)}`;
      const answer = await this.#ask(url, { method: "GET", path: page });
      all.push(...listIn(answer, key));
      const { next } = fieldsOf(answer);
      if (typeof next !== "string" || next <= cursor) return all;
      cursor = next;
    }
  }

  /**
   * Asks all supernodes. What one does not know another may. Errors: `supernode-unreachable` where none answers, `not-found` where none knows it,
   * and any other refusal.
   */
  async #everywhere<T>(ask: (url: string) => Promise<T>): Promise<Told<T>> {
    const door = await this.#open();
    const outcomes = await Promise.allSettled(door.urls.map(ask));
    const answers: { url: string; answer: T }[] = [];
    const silent: string[] = [];
    let unknown: DragonflyError | undefined;
    for (const [nth, url] of door.urls.entries()) {
      const outcome = outcomes[nth];
      if (outcome?.status === "fulfilled") answers.push({ url, answer: outcome.value });
      else if (isSilence(outcome?.reason)) silent.push(`${url} (${reasonOf(outcome?.reason)})`);
      else if (outcome?.reason instanceof DragonflyError && outcome.reason.code === "not-found")
        unknown = outcome.reason;
      else throw outcome?.reason;
    }
    if (answers.length > 0) return { answers, silent };
    throw unknown ?? noneAnswers(silent, door);
  }

  /** Asks one after the other until one answers. */
  async #first(asked: Asked): Promise<unknown> {
    const door = await this.#open();
    const silent: string[] = [];
    for (const url of door.urls) {
      try {
        return await this.#ask(url, asked);
      } catch (error) {
        if (!isSilence(error)) throw error;
        silent.push(`${url} (${reasonOf(error)})`);
      }
    }
    throw noneAnswers(silent, door);
  }

  async #ask(url: string, asked: Asked): Promise<unknown> {
    const { text, token } = await this.#open();
    const authority = token && (await fetchAuthority(addressOfUrl(url), token.authority, timeoutMs));
    const answer = await askSupernode(url, { ...asked, token: text, authority, timeoutMs });
    if (answer.status < 200 || answer.status > 299) throw refusalIn(answer, url);
    return answer.body === "" ? null : jsonOf(answer.body, url);
  }

  #open(): Promise<Door> {
    this.#door ??= openDoor(this.#cluster);
    return this.#door;
  }
}

async function openDoor({ supernodes, token: given }: ClusterAccess): Promise<Door> {
  const text = given === undefined ? undefined : await secretText(given);
  const token = text === undefined ? undefined : parseToken(text);
  const named =
    supernodes.length > 0 ? supernodes : (token?.supernodes.map((address) => `https://${address}`) ?? [local]);
  // Who shows a token wants it to be seen by nobody else.
  const urls = token === undefined ? named : named.map((url) => url.replace(/^http:/, "https:"));
  return { urls: [...new Set(urls)], text, token };
}

function isSilence(error: unknown): boolean {
  return !(error instanceof DragonflyError) || error.code === "supernode-unreachable";
}

function noneAnswers(silent: readonly string[], { token }: Door): DragonflyError {
  const hint = token === undefined ? "; one that speaks TLS needs --token" : "";
  return new DragonflyError(
    "supernode-unreachable",
    `no supernode answers: ${silent.join(", ")}; name it with --supernode URL${hint}`,
  );
}

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
