// `dragonfly ca`: the authority with which a daemon answers HTTPS in the place of listed hosts.

import { DragonflyError } from "../core/error.ts";
import { Authority, authorityFolder } from "../proxy/authority.ts";
import { loadConfig, type Surroundings, surroundings } from "../runtime/config.ts";
import { type DaemonConfig, daemonSchema } from "../runtime/daemon-config.ts";
import { caSchema, ownFlags } from "./ca-settings.ts";
import type { Call, Command } from "./command.ts";
import { trustRecipes } from "./trust-recipes.ts";

const actions = ["create", "show", "trust"] as const;

export const ca: Command = {
  description:
    "The authority with which the daemon of this machine answers HTTPS in the place of the hosts in --intercept. create makes it, once, in the " +
    "daemon's data directory, able to vouch for these hosts alone; show prints its certificate, and never its key; trust " +
    "tells how the programs of this machine come to believe it. The daemon makes it too, when it starts with such hosts.",
  operands: ["create|show|trust"],
  settings: caSchema.settings,
  examples: [
    ["create --intercept files.pythonhosted.org --intercept '*.example.com'", "one for these hosts"],
    ["show", "its certificate, in PEM"],
    ["trust", "what to do for Debian, docker, pip, npm, git and others"],
    ["create --replace", "another one, for the hosts in the daemon's configuration"],
  ],
  async run({ flags, operands, io }) {
    const action = actions.find((one) => one === (operands[0] ?? "show"));
    if (action === undefined) {
      throw new DragonflyError("bad-usage", `unknown action "${operands[0]}": say one of ${actions.join(", ")}`);
    }
    const around = surroundings(io.env);
    const { json, replace } = await loadConfig(caSchema, flags.filter(ownFlags), around);
    if (replace && action !== "create") throw new DragonflyError("bad-usage", "--replace goes with create");
    const daemon = await daemonsConfig(flags, around);
    const folder = authorityFolder(daemon.dataDir);
    const authority = action === "create" ? await create(folder, daemon, replace) : await theOneIn(folder);
    if (json) io.stdout.write(`${JSON.stringify(jsonOf(authority))}\n`);
    else if (action === "show") io.stdout.write(authority.pem);
    else io.stdout.write(action === "create" ? told(authority) : trustRecipes(authority));
    return 0;
  },
};

/** The daemon's own directory and hosts, wherever it was told of them. */
function daemonsConfig(flags: Call["flags"], around: Surroundings): Promise<DaemonConfig> {
  const given = flags.filter((flag) => !ownFlags(flag));
  return loadConfig(daemonSchema, given, around);
}

async function create(folder: string, { intercept }: DaemonConfig, replace: boolean): Promise<Authority> {
  if (intercept.length === 0 && (replace || (await Authority.load(folder)) === undefined)) {
    throw new DragonflyError("bad-usage", "no host is listed that it could vouch for: name each with --intercept HOST");
  }
  if (replace) await Authority.remove(folder);
  const authority = await Authority.create(folder, intercept);
  const beyond = authority.beyond(intercept).map(({ name }) => name);
  if (beyond.length === 0) return authority;
  const message = `the authority in ${authority.path} may not vouch for ${beyond.join(", ")}`;
  throw new DragonflyError("bad-config", `${message}: make another with --replace, and have it trusted`);
}

async function theOneIn(folder: string): Promise<Authority> {
  const authority = await Authority.load(folder);
  if (authority !== undefined) return authority;
  throw new DragonflyError("not-found", `there is no authority in ${folder}: make it with dragonfly ca create`);
}

function told({ path, hosts, certificate }: Authority): string {
  return `certificate ${path}
may vouch for ${hosts.join(", ")}, and names below them
until ${new Date(certificate.validTo).toISOString().slice(0, 10)}
SHA-256 ${certificate.fingerprint256}

Programs that use the proxy must trust it: dragonfly ca trust tells how.
`;
}

function jsonOf({ path, hosts, pem, certificate }: Authority) {
  const { subject, validTo, fingerprint256 } = certificate;
  return {
    path,
    subject: subject.replaceAll("\n", ", "),
    hosts,
    notAfter: new Date(validTo).toISOString(),
    sha256: fingerprint256,
    pem,
  };
}
