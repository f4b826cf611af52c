// A program with a daemon inside, part of the swarm for as long as it runs: `npm run build && node examples/embed-a-daemon.js SUPERNODE URL`.
// To be reached by other machines it needs an address of its own to listen on and, once, a token: `token: "…"`.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Daemon, download } from "dragonfly-p2p";

const [supernode, url] = process.argv.slice(2);
if (url === undefined)
  throw new Error("say whom to join and what to fetch: node examples/embed-a-daemon.js SUPERNODE URL");

const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-example-"));
const daemon = await Daemon.start({
  supernode,
  dataDir,
  socket: join(dataDir, "d.sock"),
  listen: "127.0.0.1:0",
  proxy: "off",
  quota: "20GB",
  uploadLimit: "50MB/s",
  logLevel: "warn",
});
try {
  const { bytes, from } = await download(url, { daemon, output: join(dataDir, "content") });
  console.log({ bytes, ...from });
  const told = Promise.race(["SIGINT", "SIGTERM"].map((signal) => once(process, signal)));
  console.log(`others get its pieces from ${daemon.piecesUrl}, until Ctrl-C`);
  await told;
} finally {
  await daemon.close();
  await rm(dataDir, { recursive: true });
}
