// What the commands can be told that ask a supernode: which one, and how to answer.

import type { Schema } from "./config.ts";
import { named, supernodes, toggle, word } from "./kinds.ts";
import { logSettings } from "./log-settings.ts";
import { optional, setting } from "./setting.ts";

export interface AdminConfig {
  /** `http://host:port` each; None: those of the token, or the one on this machine. */
  readonly supernodes: readonly string[];
  /** The text, or `@FILE`; for a supernode that speaks TLS. */
  readonly token?: string;
  readonly json: boolean;
}

const settings = {
  supernode: setting(
    {
      name: "supernode",
      short: "n",
      aliases: ["supernodes"],
      kind: supernodes,
      help: "a supernode of the cluster: URL, HOST:PORT or HOST; repeatable",
    },
    "",
    "http://127.0.0.1:8002, or the token's",
  ),
  token: optional({
    name: "token",
    kind: named(word, "TOKEN|@FILE"),
    help: "for a supernode that speaks TLS; better given as DRAGONFLY_TOKEN or @FILE",
  }),
  json: setting({ name: "json", kind: toggle, only: "flag", help: "print what the supernodes say, as JSON" }, "false"),
  ...logSettings,
};

export const adminSchema: Schema<typeof settings, AdminConfig> = {
  role: "admin",
  settings,
  check: () => [],
  config: ({ supernode, token, json }) => ({ supernodes: supernode, ...(token === undefined ? {} : { token }), json }),
};
