// `dragonfly token`: who may join a cluster and use its API; works on the supernode's data directory, whether it runs or not.

import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { isLoopback } from "../runtime/address.ts";
import { loadConfig, surroundings } from "../runtime/config.ts";
import { writePrivate } from "../runtime/private-file.ts";
import { type SupernodeConfig, supernodeSchema } from "../runtime/supernode-config.ts";
import { ClusterAuthority } from "../supernode/cluster-authority.ts";
import { reachedAt, toldAddresses } from "../supernode/reached-at.ts";
import { Revocations } from "../supernode/revocations.ts";
import { type TokenRecord, Tokens } from "../supernode/tokens.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { table } from "./table.ts";
import { ownFlags, type TokenConfig, tokenSchema } from "./token-settings.ts";

const actions = ["create", "list", "revoke", "rotate"] as const;

export const token: Command = {
  description:
    "Tokens let hosts join a cluster (role join) and people use its API (read; operate: preheat, isolate; admin: all). On the supernode's machine: " +
    "create prints one, list shows them, revoke ends one by its id, or shuts a host out by its own; rotate makes a new certificate authority, " +
    "which takes over within two lives of a certificate while both are trusted.",
  operands: ["create|list|revoke|rotate", "[ID]"],
  settings: tokenSchema.settings,
  examples: [
    ["create", "for any number of hosts that join within a day"],
    ["create --uses 1 --expires 10m", "for one host, now"],
    ["create --role read --expires 0", "for a monitor"],
    ["list", "who may do what, and which hosts joined"],
    ["revoke 3f2a9c81d0b44e17", "a token; hosts that joined with it stay"],
    ["revoke 534d56146c4f", "a host, by its id or the beginning of it, within a second"],
  ],
  async run({ flags, operands, io }) {
    const [name, id] = operands;
    const action = actions.find((one) => one === name);
    if (action === undefined) {
      throw new DragonflyError(
        "bad-usage",
        `${name === undefined ? "no action" : `unknown action "${name}"`}: say one of ${actions.join(", ")}`,
      );
    }
    const around = surroundings(io.env);
    const wanted = await loadConfig(tokenSchema, flags.filter(ownFlags), around);
    const supernode = await loadConfig(
      supernodeSchema,
      flags.filter((flag) => !ownFlags(flag)),
      around,
    );
    if (action === "create") await create(supernode, wanted, io);
    else if (action === "list") await list(supernode, wanted, io);
    else if (action === "rotate") await rotate(supernode, io);
    else await revoke(supernode, id, io);
    return 0;
  },
};

async function create(
  supernode: SupernodeConfig,
  { role, expiresMs, uses, output }: TokenConfig,
  io: Io,
): Promise<void> {
  const { dataDir, listen, advertise } = supernode;
  const authority = await ClusterAuthority.open(supernode);
  const told = advertise === undefined ? await toldAddresses(dataDir) : [];
  const beyond = isLoopback(listen.host) ? { host: "0.0.0.0", port: listen.port } : listen;
  const supernodes = told.length > 0 ? told : reachedAt({ ...supernode, listen: beyond }, listen.port);
  const text = await new Tokens(dataDir).create({
    role,
    authority: authority.sha256,
    supernodes,
    expiresAtMs: expiresMs === 0 ? null : Date.now() + expiresMs,
    uses: uses ?? null,
  });
  if (output === undefined) io.stdout.write(`${text}\n`);
  else await writePrivate(output, `${text}\n`);
}

async function list({ dataDir }: SupernodeConfig, { json }: TokenConfig, io: Io): Promise<void> {
  const tokens = await new Tokens(dataDir).list();
  const revoked = new Revocations(dataDir);
  await revoked.refresh();
  if (json) {
    const shown = tokens.map(({ sha256: _, ...rest }) => rest);
    return void io.stdout.write(`${JSON.stringify({ tokens: shown, revokedHosts: revoked.hosts })}\n`);
  }
  io.stdout.write(table(["TOKEN", "ROLE", "EXPIRES", "USES", "HOSTS"], tokens.map(cells)));
  if (revoked.hosts.length > 0) io.stdout.write(`\nrevoked hosts: ${revoked.hosts.join(", ")}\n`);
}

function cells({ id, role, expiresAtMs, uses, hosts }: TokenRecord): readonly string[] {
  const expires = expiresAtMs === null ? "never" : new Date(expiresAtMs).toISOString().slice(0, 19).concat("Z");
  const used = role === "join" ? `${hosts.length}${uses === null ? "" : ` of ${uses}`}` : "-";
  return [id, role, expires, used, hosts.map((host) => host.slice(0, 12)).join(" ")];
}

async function revoke({ dataDir }: SupernodeConfig, id: string | undefined, io: Io): Promise<void> {
  if (id === undefined)
    throw new DragonflyError(
      "bad-usage",
      "say which: the id of a token, as dragonfly token list shows it, or of a host",
    );
  const tokens = new Tokens(dataDir);
  if (await tokens.revoke(id)) return void io.stdout.write(`${id}\n`);
  const host = await hostId(tokens, id.toLowerCase());
  await new Revocations(dataDir).add(host);
  io.stdout.write(`${host}\n`);
}

async function hostId(tokens: Tokens, asked: string): Promise<HostId> {
  if (/^[0-9a-f]{32}$/.test(asked)) return asked as HostId;
  const joined = new Set((await tokens.list()).flatMap(({ hosts }) => hosts));
  const found = /^[0-9a-f]{6,31}$/.test(asked) ? [...joined].filter((host) => host.startsWith(asked)) : [];
  const [host, another] = found;
  if (host === undefined)
    throw new DragonflyError("not-found", `there is no token ${asked}, and no host that joined begins so`);
  if (another !== undefined)
    throw new DragonflyError("bad-usage", `several hosts begin with ${asked}: write more of it`);
  return host;
}

async function rotate(supernode: SupernodeConfig, io: Io): Promise<void> {
  const authority = await ClusterAuthority.open(supernode);
  await authority.replace();
  const at = new Date(Date.now() + supernode.certificateLifeMs).toISOString();
  io.stdout.write(
    `a new authority issues from ${at} on; tokens that were created before then have to be created anew\n`,
  );
}
