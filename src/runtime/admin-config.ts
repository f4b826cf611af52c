// What the commands can be told that ask a supernode: which one, and how to answer.

import { supernodeUrl } from "./address.ts";
import type { Schema } from "./config.ts";
import { text, toggle } from "./kinds.ts";
import { logSettings } from "./log-settings.ts";
import { type Kind, setting } from "./setting.ts";

export interface AdminConfig {
  /** `http://host:port` each; the first that answers is asked. */
  readonly supernodes: readonly string[];
  readonly json: boolean;
}

/** A list, since hosts have the same variable; there it names all supernodes. */
const supernodeList: Kind<readonly string[]> = {
  placeholder: "URL",
  parse: (raw) => (Array.isArray(raw) ? raw : text(raw).split(",")).map((one) => supernodeUrl(text(one))),
};

const settings = {
  supernode: setting(
    {
      name: "supernode",
      short: "n",
      aliases: ["supernodes"],
      kind: supernodeList,
      help: "the supernode to ask: URL, HOST:PORT or HOST",
    },
    "http://127.0.0.1:8002",
  ),
  json: setting({ name: "json", kind: toggle, only: "flag", help: "print what the supernode says, as JSON" }, "false"),
  ...logSettings,
};

export const adminSchema: Schema<typeof settings, AdminConfig> = {
  role: "admin",
  settings,
  check: () => [],
  config: ({ supernode, json }) => ({ supernodes: supernode, json }),
};
