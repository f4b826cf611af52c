// `dragonfly rm`: makes supernodes forget a task and delete its content.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import type { Command } from "./command.ts";
import { fullTaskId } from "./full-id.ts";
import { reached } from "./reached.ts";
import { say } from "./say.ts";
import { SupernodeClient } from "./supernode-client.ts";

export const rm: Command = {
  description:
    "Removes a task and its content from all supernodes. Hosts keep what they hold until they need the room.",
  operands: ["TASK"],
  settings: adminSchema.settings,
  examples: [["3f2a9c81d0b4", "by its id, or the beginning of it, as dragonfly tasks shows it"]],
  async run({ program, flags, operands, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const client = new SupernodeClient(cluster);
    const id = await fullTaskId(operands[0], () => client.tasks((message) => say(io, program, message)));
    const told = await client.remove(id);
    io.stdout.write(json ? `${JSON.stringify({ removed: id })}\n` : `${id}\n`);
    return reached(told);
  },
};
