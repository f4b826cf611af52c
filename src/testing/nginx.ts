// nginx as an origin: a folder of files behind the web server that most origins are, and what its access log says of each request.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepting, freePort } from "./free-port.ts";

const program = "nginx";

export interface NginxRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly uri: string;
  readonly status: number;
  readonly sentBytes: number;
  readonly range: string;
  readonly authorization: string;
}

export interface NginxOptions {
  /** Lines for the `server` block, beside the files at `/`. */
  readonly locations?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Of `/private/`, as `user:password`. */
  readonly login?: string;
}

export class Nginx {
  /** What is served at `/`. */
  readonly root: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #scheme: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, port: number, scheme: string) {
    this.#folder = folder;
    this.root = join(folder, "root");
    this.#port = port;
    this.#scheme = scheme;
    const flags = ["-p", folder, "-c", "nginx.conf", "-e", join(folder, "error.log")];
    this.#child = spawn(program, flags, { stdio: "ignore" });
  }

  /** Why it cannot run here, for a test to skip with. */
  static get missing(): string | false {
    const found = spawnSync(program, ["-v"], { stdio: "ignore" }).status === 0;
    return found ? false : "nginx is not installed";
  }

  static async start(options: NginxOptions = {}): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "dragonfly-nginx-"));
    await mkdir(join(folder, "root", "private"), { recursive: true });
    const { tls, login = "" } = options;
    if (tls !== undefined) {
      await writeFile(join(folder, "key.pem"), tls.key);
      await writeFile(join(folder, "cert.pem"), tls.cert);
    }
    await writeFile(join(folder, "logins"), login.replace(":", ":{PLAIN}"));
    const port = await freePort();
    await writeFile(join(folder, "nginx.conf"), configuration(port, options));
    const nginx = new Nginx(folder, port, tls === undefined ? "http" : "https");
    await accepting(port, AbortSignal.timeout(10_000));
    return nginx;
  }

  url(path: string): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}${path}`;
  }

  put(name: string, content: Uint8Array): Promise<void> {
    return writeFile(join(this.root, name), content);
  }

  /** What was asked for, oldest first, since the start or since the requests before the `skip`th. */
  async requests(skip = 0): Promise<NginxRequest[]> {
    const text = await readFile(join(this.#folder, "access.log"), "utf8");
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.slice(skip).map((line) => JSON.parse(line));
  }

  async sentBytes(skip = 0): Promise<number> {
    return (await this.requests(skip)).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGQUIT");
    await ended;
    await rm(this.#folder, { recursive: true });
  }
}

function configuration(port: number, { locations = "", tls }: NginxOptions): string {
  // Workers that drop root's rights could not read the temporary folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const secure = tls === undefined ? "" : "ssl_certificate cert.pem; ssl_certificate_key key.pem;";
  const fields = [
    `"method":"$request_method","uri":"$request_uri","status":$status,"sentBytes":$body_bytes_sent`,
    `"range":"$http_range","authorization":"$http_authorization"`,
  ];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path tmp;`);
  return `${user}
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
  log_format json escape=json '{${fields.join(",")}}';
  access_log access.log json;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"};
    root root;
    ${secure}
    location /private/ { auth_basic "members"; auth_basic_user_file logins; }
    ${locations}
  }
}
`;
}
