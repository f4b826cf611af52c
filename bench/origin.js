// nginx as the origin, in one process: what most origins are.

import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

export class Origin {
  constructor(root, url) {
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
   */
  static async start(stage, folder, place) {
    const root = join(folder, "origin", "files");
    await mkdir(root, { recursive: true });
    const address = place === undefined ? `127.0.0.1:${await freePort()}` : `${place.address}:80`;
    const configuration = join(folder, "origin", "nginx.conf");
    await writeFile(configuration, describe(address, root));
    const log = join(folder, "origin", "error.log");
    const network = place === undefined ? {} : { network: place.network };
    stage.start("nginx", ["-p", join(folder, "origin"), "-c", configuration, "-e", "stderr"], { log, ...network });
    const origin = new Origin(root, `http://${address}`);
    await stage.run(
      "curl",
      ["-s", "-o", "/dev/null", "--retry", "40", "--retry-delay", "0", "--retry-connrefused", origin.url],
      network,
    );
    return origin;
  }
}

function describe(address, root) {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path tmp;`);
  return `${user} daemon off; master_process off; pid nginx.pid;
events { worker_connections 4096; }
http {
  sendfile on; tcp_nopush on; access_log off;
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
