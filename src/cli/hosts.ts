// `dragonfly hosts`: who is in a cluster.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import type { Command } from "./command.ts";
import { type HostRow, hostRows, SupernodeClient } from "./supernode-client.ts";
import { table } from "./table.ts";

export const hosts: Command = {
  description: "Lists the hosts that a supernode knows: where they are, what they do, and their strikes.",
  settings: adminSchema.settings,
  examples: [
    ["", "of the supernode on this machine"],
    ["--supernode supernode.example --json", "for a program"],
  ],
  async run({ flags, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const answer = await new SupernodeClient(cluster).hosts();
    const headings = ["HOST", "STATE", "TASKS", "STRIKES", "ADDRESS"];
    io.stdout.write(json ? `${JSON.stringify(answer)}\n` : table(headings, hostRows(answer).map(cells)));
    return 0;
  },
};

function cells({ id, state, tasks, strikes, address }: HostRow): readonly string[] {
  return [id.slice(0, 12), state, String(tasks), String(strikes), address];
}
