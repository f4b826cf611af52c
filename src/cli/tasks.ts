// `dragonfly tasks`: what a cluster distributes.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { formatBytes } from "../runtime/units.ts";
import { supernodeColumn, type TaskRow, taskRows } from "./cluster-rows.ts";
import type { Command } from "./command.ts";
import { say } from "./say.ts";
import { SupernodeClient } from "./supernode-client.ts";
import { table } from "./table.ts";

export const tasks: Command = {
  description: "Lists the tasks of all supernodes: what is distributed, to how many, and where the bytes came from.",
  settings: adminSchema.settings,
  examples: [
    ["", "of the supernode on this machine"],
    ["--supernode supernode.example --json | jq '.tasks[].url'", "the URLs only"],
  ],
  async run({ program, flags, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const answer = await new SupernodeClient(cluster).tasks((message) => say(io, program, message));
    io.stdout.write(json ? `${JSON.stringify(answer)}\n` : tableOf(taskRows(answer)));
    return 0;
  },
};

function tableOf(rows: readonly TaskRow[]): string {
  const told = supernodeColumn(rows);
  const headings = ["TASK", "STATE", "SIZE", "PEERS", "FROM PEERS", "SUPERNODE", "ORIGIN", ...told.heading, "URL"];
  return table(
    headings,
    rows.map((row) => [...cells(row), ...told.cell(row), row.url]),
  );
}

function cells({ id, state, length, peers, bytesBySource }: TaskRow): readonly string[] {
  const size = length === null ? "-" : formatBytes(length);
  const { peers: byPeers, supernode, origin } = bytesBySource;
  return [id.slice(0, 12), state, size, String(peers), ...[byPeers, supernode, origin].map(formatBytes)];
}
