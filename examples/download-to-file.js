// Downloads a file, and stops when told to: `npm run build && node examples/download-to-file.js URL FILE`, Ctrl-C in between.
// Asks the daemon of this machine and starts one where none runs, as dfget does.

import { download } from "dragonfly-p2p";

const [url, output] = process.argv.slice(2);
if (url === undefined) throw new Error("say what to fetch: node examples/download-to-file.js URL FILE");

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60 * 60_000)]);
const socket = process.env.DRAGONFLY_SOCKET;

try {
  const onProgress = ({ bytes, length }) => process.stderr.write(`${bytes} of ${length ?? "so far unknown"}\n`);
  const { bytes, from } = await download(url, { output, signal, socket, onProgress });
  console.log({ bytes, ...from });
} catch (error) {
  // What was written is gone by now, and what was verified is kept by the daemon: the next try goes on from there.
  console.error(`${error.code}, by the ${error.blame}: ${error.message}`);
  process.exitCode = error.exit;
}
