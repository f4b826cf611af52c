// Credentials for registries: what they are, and the files they are read from: a password alone, or Docker's config.json. They are held in
// memory for as short as a file may go unread, so that a password that was changed is used without a restart.

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import type { Log } from "../runtime/log.ts";
import type { RegistryConfig, RegistryLoginFile } from "../runtime/registry-config.ts";

/** An identity token is what `docker login` keeps instead of a password where the registry gives one: good for tokens alone. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "identity"; readonly token: string };

const maxFileBytes = 1 << 20;
const rereadMs = 30_000;

export class CredentialFile {
  readonly #host: string;
  readonly #file: RegistryLoginFile;
  readonly #log: Log;
  readonly #now: () => number;
  #read: Promise<Credentials>;
  #readAtMs: number;

  private constructor({ host, file, log, now }: CredentialFileOptions) {
    this.#host = host;
    this.#file = file;
    this.#log = log;
    this.#now = now ?? (() => performance.now());
    this.#readAtMs = this.#now();
    this.#read = readCredentials(file, host);
  }

  /** Errors: `bad-config` for a file that cannot be read or has nothing for this registry. */
  static async open(options: CredentialFileOptions): Promise<CredentialFile> {
    const file = new CredentialFile(options);
    await file.#read;
    return file;
  }

  /** What the file says now, or said last where it cannot be read any more. */
  get(): Promise<Credentials> {
    if (this.#now() - this.#readAtMs > rereadMs) {
      this.#readAtMs = this.#now();
      const before = this.#read;
      this.#read = readCredentials(this.#file, this.#host).catch((error: DragonflyError) => {
        this.#log.warn("credentials cannot be read again, the old ones are used", { error: error.message });
        return before;
      });
    }
    return this.#read;
  }
}

export interface CredentialFileOptions {
  readonly host: string;
  readonly file: RegistryLoginFile;
  readonly log: Log;
  readonly now?: () => number;
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** User and password of `Basic …`; undefined for any other Authorization. */
export function basicCredentials(authorization: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([\w+/=-]+)$/i.exec(authorization ?? "") ?? [];
  return encoded === undefined ? undefined : fromPair(encoded);
}

/** What stands for somebody's rights in a matter and outlives his tokens: nobody without the secret can make it, nor the secret from it. */
export function rightsOf(credentials: Credentials | undefined, ...matter: readonly string[]): string {
  if (credentials === undefined) return "";
  const [user, secret] =
    credentials.kind === "password" ? [credentials.username, credentials.password] : ["", credentials.token];
  return createHmac("sha256", `dragonfly login 1 ${secret}`)
    .update(JSON.stringify([user, ...matter]))
    .digest("hex");
}

export async function readSmallFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    throw new DragonflyError("bad-config", `${path} cannot be read (${code})`, { cause });
  }
  if (text.length <= maxFileBytes) return text;
  throw new DragonflyError("bad-config", `${path} is too long`);
}

async function readCredentials(file: RegistryLoginFile, host: RegistryConfig["host"]): Promise<Credentials> {
  if (file.kind === "password") {
    const password = (await readSmallFile(file.passwordFile)).replace(/\r?\n$/, "");
    if (password === "") throw new DragonflyError("bad-config", `${file.passwordFile} is empty`);
    return { kind: "password", username: file.username, password };
  }
  const found = dockerCredentials(await readSmallFile(file.authFile), host);
  if (found !== undefined) return found;
  throw new DragonflyError("bad-config", `${file.authFile} has no credentials for ${host} under "auths"`);
}

/** From Docker's config.json, or podman's auth.json: entries are named by host, or as Docker Hub's first API was. */
function dockerCredentials(text: string, host: string): Credentials | undefined {
  const entries = Object.entries(recordAt(parseJson(text), "auths"));
  const entry = entries.find(([name]) => hostNamed(name) === (host === "docker.io" ? "index.docker.io" : host));
  const { auth, identitytoken: token } = recordOf(entry?.[1]);
  if (typeof token === "string" && token !== "") return { kind: "identity", token };
  return typeof auth === "string" ? fromPair(auth) : undefined;
}

function hostNamed(name: string): string {
  const host = name.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  return host === "docker.io" ? "index.docker.io" : host.toLowerCase();
}

function fromPair(encoded: string): Credentials | undefined {
  const [, username = "", password = ""] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
  if (password === "") return undefined;
  return username === "<token>" ? { kind: "identity", token: password } : { kind: "password", username, password };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says would repeat a part of the file.
    return undefined;
  }
}

function recordAt(value: unknown, key: string): Readonly<Record<string, unknown>> {
  return recordOf(recordOf(value)[key]);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
