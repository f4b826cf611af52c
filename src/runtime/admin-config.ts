// What the commands can be told that ask a supernode: which one, and how to answer.

import { supernodeUrl } from "./address.ts";
import type { Schema } from "./config.ts";
import { named, text, toggle, word } from "./kinds.ts";
import { logSettings } from "./log-settings.ts";
import { type Kind, optional, setting } from "./setting.ts";

export interface AdminConfig {
  /** `http://host:port` each; the first that answers is asked. None: those of the token, or the one on this machine. */
  readonly supernodes: readonly string[];
  /** The text, or `@FILE`; for a supernode that speaks TLS. */
  readonly token?: string;
  readonly json: boolean;
}

/** A list, since hosts have the same variable; there it names all supernodes. */
const supernodeList: Kind<readonly string[]> = {
  placeholder: "URL",
  parse: (raw) => {
    const given = Array.isArray(raw) ? raw : raw === "" ? [] : text(raw).split(",");
    return given.map((one) => supernodeUrl(text(one)));
  },
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
    "",
    "http://127.0.0.1:8002, or the token's",
  ),
  token: optional({
    name: "token",
    kind: named(word, "TOKEN|@FILE"),
    help: "for a supernode that speaks TLS; better given as DRAGONFLY_TOKEN or @FILE",
  }),
  json: setting({ name: "json", kind: toggle, only: "flag", help: "print what the supernode says, as JSON" }, "false"),
  ...logSettings,
};

export const adminSchema: Schema<typeof settings, AdminConfig> = {
  role: "admin",
  settings,
  check: () => [],
  config: ({ supernode, token, json }) => ({ supernodes: supernode, ...(token === undefined ? {} : { token }), json }),
};
