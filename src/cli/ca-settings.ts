// What `dragonfly ca` can be told: of the daemon's settings those that matter for its authority, and how to answer.

import type { Schema } from "../runtime/config.ts";
import { daemonSchema } from "../runtime/daemon-config.ts";
import { toggle } from "../runtime/kinds.ts";
import { logSettings } from "../runtime/log-settings.ts";
import type { Given } from "../runtime/resolve-settings.ts";
import { setting } from "../runtime/setting.ts";

const only = "flag";
const { intercept, dataDir } = daemonSchema.settings;

const settings = {
  intercept: { ...intercept, help: "a host that it may vouch for; repeatable (default: the daemon's)" },
  dataDir,
  replace: setting(
    {
      name: "replace",
      kind: toggle,
      only,
      help: "make another one; whoever trusts the old one must trust the new one",
    },
    "false",
  ),
  json: setting({ name: "json", kind: toggle, only, help: "print one JSON object" }, "false"),
  ...logSettings,
};

export interface CaConfig {
  readonly replace: boolean;
  readonly json: boolean;
}

export const caSchema: Schema<typeof settings, CaConfig> = {
  role: "ca",
  settings,
  check: () => [],
  config: ({ replace, json }) => ({ replace, json }),
};

/** The rest is the daemon's, its configuration file too. */
export function ownFlags({ name }: Pick<Given, "name">): boolean {
  return name === "replace" || name === "json";
}
