// Requests to the supernode that the page was served by: JSON in and out, a problem (RFC 9457) as an error, and the token where one is wanted.

const storageKey = "dragonfly-token";

/** What the supernode refused, in its own words. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Listener = () => void;

/** The bearer token for this window's session, and whether the supernode asks for one. */
class Access {
  #wanted = false;
  #refusal = "";
  readonly #listeners = new Set<Listener>();

  get token(): string | undefined {
    return sessionStorage.getItem(storageKey) ?? undefined;
  }

  /** The supernode wants a token, or another than it got. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** What was said of the token that it got. */
  get refusal(): string {
    return this.#refusal;
  }

  want(refusal: string): void {
    this.#wanted = true;
    this.#refusal = refusal;
    this.#tell();
  }

  give(token: string): void {
    sessionStorage.setItem(storageKey, token);
    this.#wanted = false;
    this.#tell();
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const access = new Access();

/** Resolves to an answer that is not a refusal. `path` is below the supernode's root. */
export async function open(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const { token } = access;
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(path, { ...init, headers });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; message?: string; detail?: string };
  const message = problem.message ?? problem.detail ?? `the supernode answered ${response.status}`;
  // A token that may not even look, as one to join with, is no use here.
  const { status } = response;
  if (status === 401 || (status === 403 && init.method === undefined)) access.want(message);
  throw new Refusal(status, problem.code ?? "unknown", message);
}

export async function get<T>(path: string): Promise<T> {
  return (await (await open(path)).json()) as T;
}

export async function post(path: string, body?: unknown): Promise<void> {
  const json = { "content-type": "application/json" };
  await open(path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body), headers: json }) });
}

export async function remove(path: string): Promise<void> {
  await open(path, { method: "DELETE" });
}
