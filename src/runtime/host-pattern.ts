// Hosts by name, for settings that name some of them: HOST, *.DOMAIN for every name below a domain, with a port or for that of HTTPS. Never
// every host there is.

import { isIP } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { type Address, parseAddress } from "./address.ts";
import { text } from "./kinds.ts";
import type { Kind } from "./setting.ts";

export interface HostPattern {
  /** In lower case, without the `*.`; IPv6 without brackets. */
  readonly name: string;
  /** Every name below it, and not itself. */
  readonly below: boolean;
  readonly port: number;
}

const maxPatterns = 256;
const httpsPort = 443;
const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const namePattern = new RegExp(`^${label}(?:\\.${label})*$`);

export const hostPatterns: Kind<readonly HostPattern[]> = {
  placeholder: "HOST",
  repeatable: true,
  parse(raw) {
    const given = (Array.isArray(raw) ? raw : [raw]).flatMap((one) => (one === "" ? [] : text(one).split(",")));
    if (given.length > maxPatterns)
      throw new DragonflyError("bad-config", `at most ${maxPatterns} hosts can be listed`);
    return given.map(parseHostPattern);
  },
};

export function matchesHost({ name, below, port }: HostPattern, address: Address): boolean {
  const host = address.host.toLowerCase();
  return port === address.port && (below ? host.endsWith(`.${name}`) : host === name);
}

function parseHostPattern(given: string): HostPattern {
  const [, star, rest = ""] = /^(\*\.)?(.*)$/.exec(given.trim().toLowerCase()) ?? [];
  const below = star !== undefined;
  if (rest.includes("*") || rest.includes("/")) throw refused(given);
  const { host: name, port } = parseAddress(rest, httpsPort);
  const isName = isIP(name) === 0 && name.length <= 253 && namePattern.test(name);
  // A whole top-level domain is nearly every host.
  if (below ? !isName || !name.includes(".") : !isName && isIP(name) === 0) throw refused(given);
  if (port === 0) throw refused(given);
  return { name, below, port };
}

function refused(given: string): DragonflyError {
  return new DragonflyError(
    "bad-config",
    `"${given}" is no host that can be listed: write files.example.com, *.example.com or HOST:PORT`,
  );
}
