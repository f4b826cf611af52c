// `dragonfly hosts`: who is in a cluster.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { type HostRow, hostRows, supernodeColumn } from "./cluster-rows.ts";
import type { Command } from "./command.ts";
import { say } from "./say.ts";
import { SupernodeClient } from "./supernode-client.ts";
import { table } from "./table.ts";

export const hosts: Command = {
  description: "Lists the hosts that all supernodes know: where they are, what they do, and their strikes.",
  settings: adminSchema.settings,
  examples: [
    ["", "of the supernode on this machine"],
    ["--supernode supernode.example --json", "for a program"],
  ],
  async run({ program, flags, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const answer = await new SupernodeClient(cluster).hosts((message) => say(io, program, message));
    io.stdout.write(json ? `${JSON.stringify(answer)}\n` : tableOf(hostRows(answer)));
    return 0;
  },
};

function tableOf(rows: readonly HostRow[]): string {
  const told = supernodeColumn(rows);
  const headings = ["HOST", "STATE", "TASKS", "STRIKES", ...told.heading, "ADDRESS"];
  return table(
    headings,
    rows.map((row) => [...cells(row), ...told.cell(row), row.address]),
  );
}

function cells({ id, state, tasks, strikes }: HostRow): readonly string[] {
  return [id.slice(0, 12), state, String(tasks), String(strikes)];
}
