// Unpacks an archive while it arrives: `npm run build && node examples/unpack-while-it-arrives.js URL DIRECTORY`.
// Asks the daemon of this machine and starts one where none runs, as dfget does.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { download } from "dragonfly-p2p";

const [url, directory = "."] = process.argv.slice(2);
if (url === undefined) throw new Error("say what to unpack: node examples/unpack-while-it-arrives.js URL DIRECTORY");

const socket = process.env.DRAGONFLY_SOCKET;
const { stream, result } = await download(url, { as: "stream", socket, onNote: console.error });
const tar = spawn("tar", ["-xz", "-C", directory], { stdio: ["pipe", "inherit", "inherit"] });
const exited = once(tar, "exit");
await pipeline(stream, tar.stdin);
const { bytes, from } = await result;
const [code] = await exited;
console.log({ bytes, ...from, tar: code });
