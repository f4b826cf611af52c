// `dragonfly tasks`: what a supernode distributes.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { formatBytes } from "../runtime/units.ts";
import type { Command } from "./command.ts";
import { SupernodeClient, type TaskRow, taskRows } from "./supernode-client.ts";
import { table } from "./table.ts";

export const tasks: Command = {
  description: "Lists the tasks of a supernode: what is distributed, to how many, and where the bytes came from.",
  settings: adminSchema.settings,
  examples: [
    ["", "of the supernode on this machine"],
    ["--supernode supernode.example --json | jq '.tasks[].url'", "the URLs only"],
  ],
  async run({ flags, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const answer = await new SupernodeClient(cluster).tasks();
    const headings = ["TASK", "STATE", "SIZE", "PEERS", "FROM PEERS", "SUPERNODE", "ORIGIN", "URL"];
    io.stdout.write(json ? `${JSON.stringify(answer)}\n` : table(headings, taskRows(answer).map(cells)));
    return 0;
  },
};

function cells({ id, state, length, peers, bytesBySource, url }: TaskRow): readonly string[] {
  const size = length === null ? "-" : formatBytes(length);
  const { peers: byPeers, supernode, origin } = bytesBySource;
  return [id.slice(0, 12), state, size, String(peers), ...[byPeers, supernode, origin].map(formatBytes), url];
}
