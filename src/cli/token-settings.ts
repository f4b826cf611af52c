// What `dragonfly token` can be told: of the supernode's settings those that say where it is, and what the token is to be.

import { DragonflyError } from "../core/error.ts";
import type { Role } from "../core/role.ts";
import type { Schema } from "../runtime/config.ts";
import { choice, duration, file, toggle } from "../runtime/kinds.ts";
import { logSettings } from "../runtime/log-settings.ts";
import type { Given } from "../runtime/resolve-settings.ts";
import { type Kind, optional, setting } from "../runtime/setting.ts";
import { supernodeSchema } from "../runtime/supernode-config.ts";

const only = "flag";
const { dataDir, advertise } = supernodeSchema.settings;

const positive: Kind<number> = {
  placeholder: "N",
  parse(raw) {
    const number = Number(raw);
    if (Number.isSafeInteger(number) && number > 0) return number;
    throw new DragonflyError("bad-usage", `"${String(raw)}" is no number of hosts: write 3`);
  },
};

const own = {
  role: setting(
    { name: "role", kind: choice<Role>("join", "read", "operate", "admin"), only, help: "what its bearer may do" },
    "join",
  ),
  expires: setting({ name: "expires", kind: duration, only, help: "how long it is valid; 0 is for ever" }, "24h"),
  uses: optional({
    name: "uses",
    kind: positive,
    only,
    help: "how many hosts may join with it; any number by default",
  }),
  output: optional({
    name: "output",
    kind: file,
    only,
    help: "of create: write it there, for the owner alone, instead of printing it",
  }),
  json: setting({ name: "json", kind: toggle, only, help: "of list: print one JSON object" }, "false"),
};

const settings = { ...own, dataDir, advertise, ...logSettings };

export interface TokenConfig {
  readonly role: Role;
  /** 0 is for ever. */
  readonly expiresMs: number;
  readonly uses: number | undefined;
  readonly output: string | undefined;
  readonly json: boolean;
}

export const tokenSchema: Schema<typeof settings, TokenConfig> = {
  role: "token",
  settings,
  check: ({ values }) =>
    values.uses !== undefined && values.role !== "join" ? ["--uses is for tokens with the role join"] : [],
  config: ({ role, expires, uses, output, json }) => ({ role, expiresMs: expires, uses, output, json }),
};

/** The rest is the supernode's, its configuration file too. */
export function ownFlags({ name }: Pick<Given, "name">): boolean {
  return Object.hasOwn(own, name);
}
