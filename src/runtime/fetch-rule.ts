// What may be read on others' behalf: the operator's rules, the first that matches decides, and what holds where none does. A name and the
// addresses behind it are judged apart, so that a name that is allowed opens no address that is not. Pure: names are resolved elsewhere.

import { isIP } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { type Network, networkOf, parseNetwork } from "./network.ts";
import { type Kind, setting } from "./setting.ts";

export interface FetchRule {
  readonly verdict: "allow" | "deny";
  readonly target: NameTarget | Network;
}

interface NameTarget {
  /** With its colon; undefined: both. */
  readonly scheme: string | undefined;
  /** In lower case; "" is every host. */
  readonly name: string;
  /** Every name below it, and not itself. */
  readonly below: boolean;
}

/** Why it may not be read. */
export type Refusal =
  | "a rule denies it"
  | "it is an address of this machine"
  | "it is a link-local or metadata address";

const maxRules = 1000;
const namePattern = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

const thisMachine = networkOf("this machine", "127.0.0.0/8", "::1", "0.0.0.0/8", "::");
/** Where clouds tell a machine who it is, with its credentials, and what reaches only neighbours or nobody in particular. */
const never = networkOf(
  "link-local and metadata",
  ...[
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
  ],
  ...["224.0.0.0/4", "ff00::/8", "255.255.255.255"],
);

export const fetchRules: Kind<readonly FetchRule[]> = {
  placeholder: "'allow|deny TARGET'",
  repeatable: true,
  parse(raw) {
    const given = (Array.isArray(raw) ? raw : [raw]).flatMap((one) => String(one).split(/[,\n]/));
    const lines = given.map((line) => line.trim()).filter((line) => line !== "");
    if (lines.length > maxRules) throw new DragonflyError("bad-config", `more than ${maxRules} fetch rules`);
    return lines.map(parseRule);
  },
};

export const fetchRuleSetting = setting(
  {
    name: "fetch-rule",
    aliases: ["fetch-rules"],
    kind: fetchRules,
    help: "what may be read from origins: a host, *.DOMAIN, http://*, an address or a network; repeatable, the first that matches decides",
  },
  "",
  "none: all but link-local and metadata addresses, and this machine's where others can ask",
);

/** The host as the URL has it: WHATWG has made one form of `2130706433`, `0x7f.1` and `127.0.0.1`. Undefined: may be read, as far as the name tells. */
export function refusalOfHost(rules: readonly FetchRule[], loopback: boolean, url: URL): Refusal | undefined {
  const host = url.hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  const isAddress = isIP(host) !== 0;
  const decided = rules.find(({ target }) =>
    "contains" in target ? isAddress && target.contains(host) : matchesName(target, url.protocol, host),
  );
  if (decided !== undefined) return decided.verdict === "deny" ? "a rule denies it" : undefined;
  return isAddress ? refusedUnasked(host, loopback) : undefined;
}

/** One of the addresses that a name resolved to. */
export function refusalOfAddress(rules: readonly FetchRule[], loopback: boolean, address: string): Refusal | undefined {
  const decided = rules.find(({ target }) => "contains" in target && target.contains(address));
  if (decided !== undefined) return decided.verdict === "deny" ? "a rule denies it" : undefined;
  return refusedUnasked(address, loopback);
}

function refusedUnasked(address: string, loopback: boolean): Refusal | undefined {
  if (never.contains(address)) return "it is a link-local or metadata address";
  return !loopback && thisMachine.contains(address) ? "it is an address of this machine" : undefined;
}

function matchesName({ scheme, name, below }: NameTarget, protocol: string, host: string): boolean {
  if (scheme !== undefined && scheme !== protocol) return false;
  return name === "" || (below ? host.endsWith(`.${name}`) : host === name);
}

function parseRule(line: string): FetchRule {
  const [, verdict, scheme, target = ""] = /^(allow|deny)\s+(?:(https?):\/\/)?(\S+)$/i.exec(line) ?? [];
  if (verdict !== undefined) {
    const parsed = targetOf(target.toLowerCase(), scheme);
    if (parsed !== undefined) return { verdict: verdict.toLowerCase() === "allow" ? "allow" : "deny", target: parsed };
  }
  const forms = "'allow files.example.com', 'deny http://*', 'deny *.example.com' or 'allow 10.0.0.0/8'";
  throw new DragonflyError("bad-config", `"${line}" is no rule of what may be fetched: write ${forms}`);
}

function targetOf(text: string, scheme: string | undefined): FetchRule["target"] | undefined {
  const network = parseNetwork(text);
  // The scheme is of the URL, the address of a connection that serves many URLs.
  if (network !== undefined) return scheme === undefined ? network : undefined;
  const [, star, name = ""] = /^(\*(?:\.|$))?(.*)$/.exec(text) ?? [];
  if (name === "" ? star !== "*" : !namePattern.test(name)) return undefined;
  return { scheme: scheme === undefined ? undefined : `${scheme.toLowerCase()}:`, name, below: star === "*." };
}
