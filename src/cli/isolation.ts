// `dragonfly isolate` and `dragonfly release`: an operator's word on whether a host is introduced to others.

import { adminSchema } from "../runtime/admin-config.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { fieldsOf } from "./cluster-rows.ts";
import type { Command } from "./command.ts";
import { fullHostId } from "./full-id.ts";
import { reached } from "./reached.ts";
import { say } from "./say.ts";
import { SupernodeClient, type Told } from "./supernode-client.ts";

export const isolate = command({
  description:
    "Isolates a host: for a while nobody is introduced to it, and it reads from supernodes and origins alone. Each further time it is twice as long.",
  example: "a host that harms others, by its id, or the beginning of it, as dragonfly hosts shows it",
  order: (client, id) => client.isolate(id),
  done: (id, until) =>
    `${id} is isolated${until === undefined ? "" : ` until ${until}`}; dragonfly release ${id.slice(0, 12)} ends it`,
});

export const release = command({
  description: "Ends the isolation of a host and forgets its strikes.",
  example: "a host that is mended, by its id, or the beginning of it, as dragonfly hosts shows it",
  order: (client, id) => client.release(id),
  done: (id) => `${id} is free; dragonfly hosts shows whether it gets new strikes`,
});

interface Order {
  readonly description: string;
  readonly example: string;
  readonly order: (client: SupernodeClient, id: string) => Promise<Told<unknown>>;
  /** `until` is the latest of all supernodes'. */
  readonly done: (id: string, until: string | undefined) => string;
}

function command({ description, example, order, done }: Order): Command {
  return {
    description,
    operands: ["HOST"],
    settings: adminSchema.settings,
    examples: [["0123456789ab", example]],
    async run({ program, flags, operands, io }) {
      const { json, ...cluster } = await loadConfig(adminSchema, flags, surroundings(io.env));
      const client = new SupernodeClient(cluster);
      const id = await fullHostId(operands[0], () => client.hosts((message) => say(io, program, message)));
      const told = await order(client, id);
      const hosts = told.answers.map(({ url, answer }) => ({ ...fieldsOf(answer), supernode: url }));
      const until = told.answers.flatMap(({ answer }) => fieldsOf(answer).until ?? []).map(String);
      io.stdout.write(json ? `${JSON.stringify({ hosts })}\n` : `${done(id, until.sort().at(-1))}\n`);
      return reached(told);
    },
  };
}
