// nginx as the origin, in one process: what most origins are.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

export class Origin {
  #requests;

  constructor(root, url, requests) {
    this.#requests = requests;
    /** The folder that is served. */
    this.root = root;
    /** Without a slash at the end. */
    this.url = url;
  }

  /**
   * On a free port of this machine, or on port 80 of a network of its own.
   * @param {import("./stage.js").Stage} stage
   * @param {string} folder
   * @param {{ network: string, address: string }} [place]
   * @param {{ connectionMBps?: number }} [limits] of each connection; then requests are counted, too
   */
  static async start(stage, folder, place, { connectionMBps } = {}) {
    const root = join(folder, "origin", "files");
    await mkdir(root, { recursive: true });
    const address = place === undefined ? `127.0.0.1:${await freePort()}` : `${place.address}:80`;
    const configuration = join(folder, "origin", "nginx.conf");
    const requests = connectionMBps === undefined ? undefined : join(folder, "origin", "requests");
    await writeFile(configuration, describe(address, root, connectionMBps));
    const log = join(folder, "origin", "error.log");
    const network = place === undefined ? {} : { network: place.network };
    stage.start("nginx", ["-p", join(folder, "origin"), "-c", configuration, "-e", "stderr"], { log, ...network });
    const origin = new Origin(root, `http://${address}`, requests);
    await stage.run(
      "curl",
      ["-s", "-o", "/dev/null", "--retry", "40", "--retry-delay", "0", "--retry-connrefused", origin.url],
      network,
    );
    return origin;
  }

  /** Requests that have ended so far, with the bytes of content that each was sent. */
  async requests() {
    if (this.#requests === undefined) throw new Error("this origin does not count");
    const lines = (await readFile(this.#requests, "utf8")).split("\n").filter((line) => line !== "");
    return lines.map((line) => line.split(" ")).map(([uri, status, bytes]) => ({ uri, status, bytes: Number(bytes) }));
  }
}

function describe(address, root, connectionMBps) {
  const limit =
    connectionMBps === undefined
      ? "access_log off;"
      : `limit_rate ${connectionMBps}m; sendfile_max_chunk 64k; access_log requests said;`;
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path tmp;`);
  return `${user} daemon off; master_process off; pid nginx.pid;
events { worker_connections 4096; }
http {
  log_format said "$uri $status $body_bytes_sent";
  sendfile on; tcp_nopush on; ${limit}
  ${temporary.join(" ")}
  server { listen ${address}; root ${root}; }
}
`;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
