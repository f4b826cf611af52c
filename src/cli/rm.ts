// `dragonfly rm`: makes a supernode forget a task and delete its content.

import { DragonflyError } from "../core/error.ts";
import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import type { Command } from "./command.ts";
import { SupernodeClient } from "./supernode-client.ts";
import { fullTaskId } from "./task-id.ts";

export const rm: Command = {
  description: "Removes a task and its content from a supernode. Hosts keep what they hold until they need the room.",
  operands: ["TASK"],
  settings: adminSchema.settings,
  examples: [["3f2a9c81d0b4", "by its id, or the beginning of it, as dragonfly tasks shows it"]],
  async run({ flags, operands, io }) {
    const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
    const [asked] = operands;
    if (asked === undefined) throw new DragonflyError("bad-usage", "no task: say which, as dragonfly tasks shows it");
    const client = new SupernodeClient(cluster);
    const id = await fullTaskId(asked.toLowerCase(), () => client.tasks());
    await client.remove(id);
    io.stdout.write(json ? `${JSON.stringify({ removed: id })}\n` : `${id}\n`);
    return 0;
  },
};
