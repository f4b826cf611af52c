// The same file on the same rack by BitTorrent, for comparison: a tracker beside the supernode, the seed beside the origin, and one client
// a host, started together.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOf } from "./content.js";
import { writeTorrent } from "./torrent.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const joinMs = 3000;
const giveUpMs = 600_000;

/** How a client is started, and what it says when it has all. */
export const torrentClients = {
  aria2: {
    complete: /Download complete: \/|Seeding is over|SEED\(/,
    command: ({ torrent, folder, seeding }) => [
      "aria2c",
      [
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--bt-max-peers=0",
        "--bt-tracker-interval=5",
      ],
      ["--seed-ratio=0.0", "--file-allocation=none", "--disk-cache=32M", "--listen-port=6881", "--summary-interval=1"],
      [...(seeding ? ["--check-integrity=true"] : []), "-d", folder, torrent],
    ],
  },
  libtorrent: {
    complete: /complete/,
    command: ({ torrent, folder, address, seeding }) => [
      "/usr/bin/python3",
      [here("libtorrent-peer.py"), torrent, folder, address, seeding ? "seed" : "fetch"],
    ],
  },
};

/** @param {import("./rack.js").Rack} rack @param {"aria2" | "libtorrent"} system */
export async function fetchByTorrent({ stage, folder, origin, seed, source, hosts, bytes, digest, staggerMs }, system) {
  const client = torrentClients[system];
  const torrent = join(folder, "file.torrent");
  const announce = `http://${seed.address}:6969/announce`;
  await writeTorrent(torrent, { content: join(origin.root, "file"), name: "file", bytes, announce });
  const start = (host, place, seeding) => {
    const [program, ...args] = client.command({ torrent, folder: place, address: host.address, seeding });
    return stage.start(program, args.flat(), {
      network: host.network,
      log: join(folder, `${system}-${host.name}.log`),
    });
  };
  const tracker = stage.start("node", [here("torrent.js"), seed.address, "6969"], { network: seed.network });
  const seeder = start(source, origin.root, true);
  await new Promise((resolve) => setTimeout(resolve, joinMs));
  const faults = [];
  const peers = [];
  const seconds = await Promise.all(
    hosts.map(async (host, nth) => {
      await new Promise((resolve) => setTimeout(resolve, (staggerMs * nth) / hosts.length));
      const place = join(folder, host.name);
      await mkdir(place, { recursive: true });
      const peer = start(host, place, false);
      peers.push(peer);
      await peer.said(client.complete, giveUpMs).catch((error) => faults.push(error.message.slice(0, 200)));
      return (performance.now() - peer.startedMs) / 1000;
    }),
  );
  for (const process of [...peers, seeder, tracker]) process.kill("SIGKILL");
  await Promise.all([...peers, seeder, tracker].map(({ ended }) => ended));
  for (const { name } of hosts) {
    if ((await digestOf(join(folder, name, "file"))) !== digest) faults.push(`wrong bytes on ${name}`);
    await rm(join(folder, name), { recursive: true });
  }
  return { seconds, faults, costs: {} };
}
