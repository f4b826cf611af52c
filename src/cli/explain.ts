// `dragonfly explain`: why a task is as fast as it is, by the supernode's word, or by this host's own where no supernode answers.

import { DragonflyError } from "../core/error.ts";
import { LocalClient } from "../local/local-client.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { explainSchema } from "../runtime/explain-config.ts";
import type { Command } from "./command.ts";
import { explanationText } from "./explanation-text.ts";
import { fullTaskId } from "./full-id.ts";
import { say } from "./say.ts";
import { SupernodeClient } from "./supernode-client.ts";

export const explain: Command = {
  description:
    "Tells for each host of a task where its bytes came from, what kept it from being faster, whom it dropped, and how far it is from the " +
    "bound. Without a supernode it tells what the daemon of this machine knows.",
  operands: ["TASK"],
  settings: explainSchema.settings,
  examples: [
    ["3f2a9c81d0b4", "by its id, or the beginning of it, as dragonfly tasks shows it"],
    ["3f2a9c81d0b4 --json | jq .causes", "how many hosts each cause held back"],
  ],
  async run({ program, flags, operands, io }) {
    const { socket, json, ...cluster } = await loadConfig(explainSchema, flags, surroundings(io.env));
    const client = new SupernodeClient(cluster);
    const answer = await ask(operands[0], client, { socket, note: (message) => say(io, program, message) });
    io.stdout.write(json ? `${JSON.stringify(answer)}\n` : explanationText(answer));
    return 0;
  },
};

interface Asking {
  /** Of the daemon that is asked where no supernode answers. */
  readonly socket: string;
  readonly note: (message: string) => void;
}

async function ask(asked: string | undefined, client: SupernodeClient, { socket, note }: Asking): Promise<unknown> {
  try {
    return await client.explanation(await fullTaskId(asked, () => client.tasks(note)));
  } catch (error) {
    if (!(error instanceof DragonflyError) || error.code !== "supernode-unreachable") throw error;
    return askDaemon(asked, socket, error);
  }
}

async function askDaemon(asked: string | undefined, socket: string, unreachable: DragonflyError): Promise<unknown> {
  const local = new LocalClient(socket);
  const get = async (path: string): Promise<unknown> => {
    const answer = await local.get(path, AbortSignal.timeout(10_000));
    if (answer === null) throw unreachable;
    return answer;
  };
  try {
    const id = await fullTaskId(asked, () => get("/api/v1/tasks"));
    return await get(`/api/v1/tasks/${id}/explain`);
  } finally {
    local.close();
  }
}
