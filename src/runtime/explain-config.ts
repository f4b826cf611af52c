// What `dragonfly explain` can be told: what commands that ask a supernode can, and where the daemon of this machine listens.

import { type AdminConfig, adminSchema } from "./admin-config.ts";
import type { Schema } from "./config.ts";
import { socketPath } from "./kinds.ts";
import { defaultSocket, shownSocket } from "./locations.ts";
import { setting } from "./setting.ts";

export interface ExplainConfig extends AdminConfig {
  readonly socket: string;
}

const settings = {
  ...adminSchema.settings,
  socket: setting(
    { name: "socket", kind: socketPath, help: "of the daemon of this machine, asked where no supernode answers" },
    defaultSocket,
    shownSocket,
  ),
};

export const explainSchema: Schema<typeof settings, ExplainConfig> = {
  role: "admin",
  settings,
  check: () => [],
  config: ({ supernode, token, json, socket }) => ({
    supernodes: supernode,
    ...(token === undefined ? {} : { token }),
    json,
    socket,
  }),
};
