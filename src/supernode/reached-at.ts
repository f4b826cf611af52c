// How others reach a supernode: the addresses that its tokens name, told to `dragonfly token` by a file in the data directory, and the names in
// its certificate.

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { formatAddress } from "../runtime/address.ts";
import { writePrivate } from "../runtime/private-file.ts";
import type { SupernodeConfig } from "../runtime/supernode-config.ts";

type Listening = Pick<SupernodeConfig, "listen" | "advertise">;

const maxAddresses = 8;

/** host:port as its owner says; null where he does not. `port` is the one that it listens on. */
export function advertisedAt({ advertise }: Pick<Listening, "advertise">, port: number): string | null {
  return advertise === undefined ? null : formatAddress({ host: advertise.host, port: advertise.port || port });
}

/** host:port each, the likeliest first. */
export function reachedAt(listening: Listening, port: number): readonly string[] {
  const { listen } = listening;
  const said = advertisedAt(listening, port);
  if (said !== null) return [said];
  const hosts = isWildcard(listen.host) ? ownAddresses() : [listen.host];
  return hosts.slice(0, maxAddresses).map((host) => formatAddress({ host, port }));
}

/** For clients that compare a certificate with the name or address that they dialled. */
export function namesOf({
  listen,
  advertise,
}: Listening): readonly { readonly type: "dns" | "ip"; readonly value: string }[] {
  const own = isWildcard(listen.host) ? ownAddresses() : [listen.host];
  const all = new Set([
    ...(advertise === undefined ? [] : [advertise.host]),
    ...own,
    "127.0.0.1",
    "::1",
    hostname(),
    "localhost",
  ]);
  return [...all].map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
}

export function tellAddresses(dataDir: string, addresses: readonly string[]): Promise<void> {
  return writePrivate(join(dataDir, "addresses"), `${addresses.join("\n")}\n`);
}

/** What a supernode that serves from this directory told last; none where none has so far. */
export async function toldAddresses(dataDir: string): Promise<readonly string[]> {
  const text = await readFile(join(dataDir, "addresses"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Of this machine, but for those that lead nowhere else; where there are none, loopback. IPv4 first. */
function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !/^fe80:/i.test(address));
  const sorted = usable.sort((a, b) => Number(a.family === "IPv6") - Number(b.family === "IPv6"));
  return sorted.length === 0 ? ["127.0.0.1"] : sorted.map(({ address }) => address);
}
