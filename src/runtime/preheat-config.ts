// What `dragonfly preheat` can be told.

import { DragonflyError } from "../core/error.ts";
import { formatPreheatTarget, parsePreheatTarget } from "../core/preheat-hosts.ts";
import { adminSchema } from "./admin-config.ts";
import type { Schema } from "./config.ts";
import { headers } from "./get-kinds.ts";
import { named, text, toggle, word } from "./kinds.ts";
import { logSettings } from "./log-settings.ts";
import { type Kind, optional, setting } from "./setting.ts";

export interface PreheatConfig {
  readonly supernodes: readonly string[];
  readonly token?: string;
  /** `seeds`, `all` or `25%`. */
  readonly to: string;
  /** None: all. */
  readonly platforms: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly tag?: string;
  readonly filter: readonly string[];
  readonly username?: string;
  readonly passwordStdin: boolean;
  readonly plainHttp: boolean;
  readonly wait: boolean;
  readonly list: boolean;
  /** The id of a preheat that is to be cancelled. */
  readonly cancel?: string;
  readonly json: boolean;
}

const target: Kind<string> = {
  placeholder: "seeds|all|PERCENT%",
  parse(raw) {
    const parsed = parsePreheatTarget(text(raw));
    if (parsed !== undefined) return formatPreheatTarget(parsed);
    throw new DragonflyError("bad-usage", `"${String(raw)}" is none of seeds, all or a share such as 25%`);
  },
};

const platformList: Kind<readonly string[]> = {
  placeholder: "OS/ARCH",
  repeatable: true,
  parse(raw) {
    const given = Array.isArray(raw) ? raw : [raw];
    return given.flatMap((one) => String(one).split(",")).flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
  },
};

const what = "What:";
const credentials = "Credentials:";

const settings = {
  to: setting({ name: "to", kind: target, only: "flag", help: "who is to have it" }, "seeds"),
  platform: setting(
    {
      name: "platform",
      kind: platformList,
      only: "flag",
      group: what,
      help: "of an image: this platform only; repeatable",
    },
    "",
    "all of them",
  ),
  plainHttp: setting(
    {
      name: "plain-http",
      kind: toggle,
      only: "flag",
      group: what,
      help: "of an image: speak to the registry without TLS",
    },
    "false",
  ),
  tag: optional({
    name: "tag",
    short: "i",
    aliases: ["identifier"],
    kind: named(word, "TAG"),
    only: "flag",
    group: what,
    help: "of a file: the tag that dfget will be given",
  }),
  filter: optional({
    name: "filter",
    short: "f",
    kind: named(word, "'KEY&KEY'"),
    only: "flag",
    group: what,
    help: "of a file: the query parameters that dfget will be told not to matter",
  }),
  header: setting(
    {
      name: "header",
      short: "H",
      kind: headers,
      only: "flag",
      group: credentials,
      help: "of a file: send this header to the origin; repeatable",
    },
    "",
    "none",
  ),
  username: optional({
    name: "username",
    kind: named(word, "NAME"),
    only: "flag",
    group: credentials,
    help: "at the registry or the origin",
  }),
  passwordStdin: setting(
    {
      name: "password-stdin",
      kind: toggle,
      only: "flag",
      group: credentials,
      help: "read the password from standard input",
    },
    "false",
  ),
  wait: setting(
    { name: "wait", kind: toggle, only: "flag", help: "until it is over, and fail if it fails; shows how far it is" },
    "false",
  ),
  list: setting({ name: "list", kind: toggle, only: "flag", help: "show the preheats there are" }, "false"),
  cancel: optional({ name: "cancel", kind: named(word, "ID"), only: "flag", help: "cancel this preheat" }),
  ...adminSchema.settings,
  ...logSettings,
};

export const preheatSchema: Schema<typeof settings, PreheatConfig> = {
  role: "preheat",
  settings,
  check({ values }) {
    return [
      ...((values.username !== undefined) === (values.passwordStdin === true)
        ? []
        : ["--username and --password-stdin belong together: give both or none"]),
      ...(values.list === true && values.cancel !== undefined ? ["--list and --cancel contradict each other"] : []),
    ];
  },
  config: (values) => ({
    supernodes: values.supernode,
    ...(values.token === undefined ? {} : { token: values.token }),
    to: values.to,
    platforms: values.platform,
    headers: values.header,
    ...(values.tag === undefined ? {} : { tag: values.tag }),
    filter: values.filter?.split(/[&,]/).filter((key) => key !== "") ?? [],
    ...(values.username === undefined ? {} : { username: values.username }),
    passwordStdin: values.passwordStdin,
    plainHttp: values.plainHttp,
    wait: values.wait,
    list: values.list,
    ...(values.cancel === undefined ? {} : { cancel: values.cancel }),
    json: values.json,
  }),
};
