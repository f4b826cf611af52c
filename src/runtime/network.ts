// Networks of IP addresses, and the IPv4 addresses that are hidden in IPv6 ones: a rule on 127.0.0.1 has to see ::ffff:127.0.0.1 too.

import { BlockList, isIP, isIPv6 } from "node:net";

export interface Network {
  /** As it was written. */
  readonly text: string;
  readonly contains: (address: string) => boolean;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address, IPv6 in brackets or without; undefined for what is none of these. */
export function parseNetwork(text: string): Network | undefined {
  const [, bracketed, bare = bracketed ?? "", prefix] = /^(?:\[([^\]]+)\]|([^/]+))(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(bare);
  const bits = family === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (family === 0 || bare.includes("%") || length > bits) return undefined;
  return network(text, () => [[bare, length]]);
}

/** Of several parts; each must be well-formed. */
export function networkOf(text: string, ...parts: readonly string[]): Network {
  return network(text, () =>
    parts.map((part): Subnet => {
      const [address = "", length] = part.split("/");
      return [address, length === undefined ? (isIPv6(address) ? 128 : 32) : Number(length)];
    }),
  );
}

type Subnet = readonly [address: string, prefixLength: number];

/** The list is made when an address is looked up: programs that read no rule need not pay for it as they start. */
function network(text: string, subnets: () => readonly Subnet[]): Network {
  let made: BlockList | undefined;
  const contains = (address: string): boolean => {
    made ??= listOf(subnets());
    const list = made;
    return formsOf(address).some((form) => list.check(form, familyOf(form)));
  };
  return { text, contains };
}

function listOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [address, length] of subnets) list.addSubnet(address, length, familyOf(address));
  return list;
}

/** The address without a zone, and the IPv4 address to which translators and tunnels take it (RFC 4291, 6052, 8215, 3056, 2765). */
function formsOf(address: string): readonly string[] {
  const bare = address.replace(/%.*$/, "");
  if (!isIPv6(bare)) return [bare];
  const groups = groupsOf(bare);
  const prefix = groups.slice(0, 6).join(":");
  const nat64 = groups[0] === "64" && groups[1] === "ff9b" && (prefix === "64:ff9b:0:0:0:0" || groups[2] === "1");
  const mapped = /^0:0:0:0:(?:0:0|0:ffff|ffff:0)$/.test(prefix);
  if (nat64 || mapped) return [bare, dotted(groups[6], groups[7])];
  return groups[0] === "2002" ? [bare, dotted(groups[1], groups[2])] : [bare];
}

/** Eight groups in lower-case hexadecimal without leading zeros. */
function groupsOf(address: string): readonly string[] {
  // The URL parser knows every spelling, dotted endings among them.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const before = head === "" ? [] : head.split(":");
  if (tail === undefined) return before;
  const after = tail === "" ? [] : tail.split(":");
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
}

function dotted(high = "0", low = "0"): string {
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
