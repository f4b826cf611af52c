// Debian's docker-registry on a free port, with what its access log says it sent; and skopeo, which pushes and pulls.

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { accepting, freePort } from "./free-port.ts";

export interface RegistryRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly uri: string;
  readonly status: number;
  readonly sentBytes: number;
  readonly agent: string;
}

export interface RegistryOptions {
  /** Everybody has to log in, as `user:password`. */
  readonly login?: string;
  /** Everybody has to show a token of this service. */
  readonly tokens?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly cert: string;
  };
  /** From `makeTestAuthority`. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export class Registry {
  readonly host: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #scheme: "http" | "https";
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number, scheme: "http" | "https") {
    this.#scheme = scheme;
    this.#folder = folder;
    this.#port = port;
    this.host = `127.0.0.1:${port}`;
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    const lacking = ["docker-registry", "skopeo", "htpasswd"].find((program) => !isInstalled(program));
    return lacking === undefined ? false : `${lacking} is not installed`;
  }

  static async start(options: RegistryOptions = {}): Promise<Registry> {
    const { login, tokens, tls } = options;
    const folder = await mkdtemp(join(tmpdir(), "dragonfly-registry-"));
    await mkdir(join(folder, "store"));
    if (login !== undefined) {
      const [user = "", password = ""] = login.split(":");
      const { stdout } = await promisify(execFile)("htpasswd", ["-Bbn", user, password]);
      await writeFile(join(folder, "htpasswd"), stdout);
    }
    if (tokens !== undefined) await writeFile(join(folder, "tokens.pem"), tokens.cert);
    for (const [name, pem] of Object.entries(tls ?? {})) await writeFile(join(folder, `${name}.pem`), pem);
    const registry = new Registry(folder, await freePort(), tls === undefined ? "http" : "https");
    await writeFile(join(folder, "config.yml"), configuration(folder, registry.host, options));
    await registry.up();
    return registry;
  }

  url(path = ""): string {
    return `${this.#scheme}://${this.host}${path}`;
  }

  async up(): Promise<void> {
    const log = join(this.#folder, "access.log");
    const command = `exec docker-registry serve config.yml >>${JSON.stringify(log)} 2>/dev/null`;
    this.#child = spawn("sh", ["-c", command], { cwd: this.#folder, stdio: "ignore" });
    await accepting(this.#port, AbortSignal.timeout(10_000));
  }

  async down(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** What was asked for, oldest first. */
  async requests(): Promise<RegistryRequest[]> {
    const text = await readFile(join(this.#folder, "access.log"), "utf8");
    const lines = text.matchAll(/^\S+ \S+ \S+ \[[^\]]*\] "(\S+) (\S+) [^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"/gm);
    return [...lines].map(([, method = "", uri = "", status, sent, agent = ""]) => ({
      method,
      uri,
      status: Number(status),
      sentBytes: Number(sent),
      agent,
    }));
  }

  /** The blob's file on the registry's disk, for a test that spoils it. */
  blobFile(digest: string): string {
    const hex = digest.slice("sha256:".length);
    return join(this.#folder, "store/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  }

  async close(): Promise<void> {
    await this.down();
    await rm(this.#folder, { recursive: true });
  }
}

/** Runs skopeo to its end; rejects with what it said on standard error. */
export async function skopeo(...args: readonly string[]): Promise<string> {
  const options = { timeout: 60_000, maxBuffer: 1 << 24 };
  return (await promisify(execFile)("skopeo", ["--insecure-policy", ...args], options)).stdout;
}

function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status === 0;
}

function configuration(folder: string, address: string, { login, tokens, tls }: RegistryOptions): string {
  const at = (name: string): string => JSON.stringify(join(folder, name));
  const members = login === undefined ? "" : `auth: { htpasswd: { realm: members, path: ${at("htpasswd")} } }`;
  const { realm, service, issuer } = tokens ?? {};
  const token = JSON.stringify({ realm, service, issuer, rootcertbundle: join(folder, "tokens.pem") });
  return `version: 0.1
log: { accesslog: { disabled: false }, level: error }
storage: { filesystem: { rootdirectory: ${at("store")} } }
http: { addr: "${address}"${tls === undefined ? "" : `, tls: { certificate: ${at("cert.pem")}, key: ${at("key.pem")} }`} }
${tokens === undefined ? members : `auth: { token: ${token} }`}
`;
}
