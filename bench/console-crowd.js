// Many hosts in one process that fetch one file slowly, for the console to look at: `console-crowd.js HOSTS MIB LIMIT SUPERNODE FOLDER`.

import { randomFillSync } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { Daemon, download } from "../dist/index.js";

const [hosts, mib, limit, supernode, folder] = process.argv.slice(2);
const content = randomFillSync(Buffer.alloc(Number(mib) << 20));
const origin = createServer((_request, response) => {
  response.writeHead(200, { "content-length": content.length, etag: '"1"' });
  response.end(content);
});
await new Promise((resolve) => origin.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${origin.address().port}/model.bin`;
const daemons = [];
for (let nth = 0; nth < Number(hosts); nth++) {
  const name = join(folder, `host${nth}`);
  const own = { listen: "127.0.0.1:0", proxy: "off", socket: `${name}.sock`, dataDir: name };
  daemons.push(await Daemon.start({ supernode, downloadLimit: limit, uploadLimit: limit, ...own }));
}
process.on("SIGTERM", () => process.exit(0));
const downloads = daemons.map((daemon, nth) => download(url, { daemon, output: join(folder, `file${nth}`) }));
process.stdout.write("begun\n");
await Promise.all(downloads);
