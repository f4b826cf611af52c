// A supernode, two daemons and two downloads in one process: `npm run build && node examples/in-one-process.js URL`.
// In a real cluster each of them is on its own machine, and only `download` is called by the program that wants the file.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Daemon, download, Supernode } from "dragonfly-p2p";

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("say what to fetch: node examples/in-one-process.js URL");

const directory = await mkdtemp(join(tmpdir(), "dragonfly-example-"));
const supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: join(directory, "supernode") });
const daemons = await Promise.all(
  ["ada", "bob"].map((name) =>
    Daemon.start({
      supernode: supernode.url,
      listen: "127.0.0.1:0",
      proxy: "off",
      socket: join(directory, `${name}.sock`),
      dataDir: join(directory, name),
    }),
  ),
);
try {
  const results = await Promise.all(
    daemons.map((daemon, index) => download(url, { daemon, output: join(directory, `file-${index}`) })),
  );
  for (const { bytes, elapsedMs, from } of results) console.log({ bytes, elapsedMs, ...from });
} finally {
  for (const daemon of daemons) await daemon.close();
  await supernode.close();
  await rm(directory, { recursive: true });
}
