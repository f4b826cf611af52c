// What BitTorrent clients need to take part in a comparison: a torrent file (BEP 3) of one file, and a tracker (BEP 23) for it.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const pieceBytes = 1 << 20;
const maxPeers = 50;

/** Describes the file in a torrent file beside nothing else. */
export async function writeTorrent(path, { content, name, bytes, announce }) {
  const pieces = [];
  for await (const piece of createReadStream(content, { highWaterMark: pieceBytes })) {
    pieces.push(createHash("sha1").update(piece).digest());
  }
  const info = { length: bytes, name, "piece length": pieceBytes, pieces: Buffer.concat(pieces) };
  await writeFile(path, bencode({ announce, info }));
}

function bencode(value) {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([
    Buffer.from("d"),
    ...entries.flatMap(([key, one]) => [bencode(key), bencode(one)]),
    Buffer.from("e"),
  ]);
}

/** Tells each who asks of some others. Serves until the process ends. */
function serveTracker(host, port) {
  /** @type {Set<string>} */
  const peers = new Set();
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://tracker");
    const address = request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
    const own = `${address}:${searchParams.get("port")}`;
    if (searchParams.get("event") === "stopped") peers.delete(own);
    else peers.add(own);
    const others = [...peers].filter((peer) => peer !== own).sort(() => Math.random() - 0.5);
    response.end(
      bencode({ interval: 5, "min interval": 2, peers: Buffer.concat(others.slice(0, maxPeers).map(compact)) }),
    );
  });
  server.listen(port, host);
}

function compact(peer) {
  const [address = "", port] = peer.split(":");
  return Buffer.from([...address.split(".").map(Number), Number(port) >> 8, Number(port) & 255]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  serveTracker(process.argv[2], Number(process.argv[3]));
}
