// `dragonfly quickstart`: shows a small cluster at work on this machine.

import { loadConfig, type Schema, surroundings } from "../runtime/config.ts";
import { logSettings } from "../runtime/log-settings.ts";
import type { Command } from "./command.ts";
import { Interruption } from "./interruption.ts";

const schema: Schema<typeof logSettings, object> = {
  role: "quickstart",
  settings: logSettings,
  check: () => [],
  config: () => ({}),
};

export const quickstart: Command = {
  description:
    "Starts an origin, a supernode and four hosts on this machine, has all four fetch the same file at the same moment, " +
    "and tells what each got from whom. Everything is stopped and removed at the end.",
  settings: schema.settings,
  examples: [["", "some seconds, 600 MB of room for temporary files"]],
  async run({ flags, io }) {
    await loadConfig(schema, flags, surroundings(io.env));
    const { quickstart: show } = await import("../quickstart/quickstart.ts");
    const interruption = new Interruption(io, 0);
    try {
      return await show((text) => io.stdout.write(text), interruption.signal);
    } finally {
      interruption.close();
    }
  },
};
