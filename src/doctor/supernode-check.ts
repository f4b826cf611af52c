// Whether the supernodes of this host answer, which version they are, and whether their clock is this machine's.

import { fetchAuthority } from "../net/credentials.ts";
import { askSupernode, type SupernodeAnswer } from "../net/supernode-request.ts";
import { addressOfUrl } from "../runtime/address.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { secretText } from "../runtime/secret-text.ts";
import { parseToken } from "../wire/token.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

export interface SupernodeAccess {
  /** PEM, of the cluster that this host has joined. */
  readonly authorities: readonly string[];
  /** The text, or `@FILE`. */
  readonly token?: string | undefined;
}

export interface SupernodeFound {
  readonly finding: Finding;
  /** By how much its clock is ahead of this machine's; undefined where it did not say. */
  readonly aheadMs: number | undefined;
}

const timeoutMs = 5000;
/** The header has whole seconds. */
const closeMs = 5000;
const farMs = 600_000;

export async function checkSupernode(
  url: string,
  access: SupernodeAccess,
  clock: () => number = Date.now,
): Promise<SupernodeFound> {
  try {
    const text = access.token === undefined ? undefined : await secretText(access.token);
    const authority = url.startsWith("https:") ? await authorityFor(url, access.authorities, text) : undefined;
    const ask = (path: string): Promise<SupernodeAnswer> =>
      askSupernode(url, { method: "GET", path, token: text, authority, timeoutMs });
    const askedAtMs = clock();
    const { status, date } = await ask("/readyz");
    const aheadMs = date === undefined ? undefined : Date.parse(date) + 500 - (askedAtMs + clock()) / 2;
    if (status !== 200) {
      const found = `${url} answers HTTP ${status}`;
      return {
        finding: fail("supernode", found, "see that it is a supernode and not stopping: its log says more"),
        aheadMs,
      };
    }
    return { finding: versionFinding(url, versionIn(await ask("/api/v1/openapi.json"))), aheadMs };
  } catch (error) {
    const todo =
      "see that it runs and listens there, that no firewall is between, and that --supernode has its name and port";
    return { finding: fail("supernode", `${url} does not answer (${reasonOf(error)})`, todo), aheadMs: undefined };
  }
}

export function checkClock(found: readonly SupernodeFound[]): Finding {
  const known = found.flatMap(({ aheadMs }) => aheadMs ?? []);
  const [worst] = known.sort((a, b) => Math.abs(b) - Math.abs(a));
  if (worst === undefined) {
    return warn("clock", "no supernode tells the time", "compare this machine's clock yourself: date -u");
  }
  const apart = Math.abs(worst);
  if (apart <= closeMs) return ok("clock", "as the supernode's");
  const text = `this machine's is ${Math.round(apart / 1000)} s ${worst > 0 ? "behind" : "ahead of"} the supernode's`;
  const todo = "have both machines keep the time: timedatectl set-ntp true";
  return apart <= farMs ? warn("clock", text, todo) : fail("clock", `${text}: certificates may be refused`, todo);
}

async function authorityFor(url: string, authorities: readonly string[], text: string | undefined): Promise<string> {
  if (authorities.length > 0) return authorities.join("\n");
  if (text === undefined) throw new Error("it speaks TLS, and this host has not joined: --token is needed");
  return fetchAuthority(addressOfUrl(url), parseToken(text).authority, timeoutMs);
}

/** Undefined where it is not told to this host. */
function versionIn({ status, body }: SupernodeAnswer): string | undefined {
  if (status !== 200) return undefined;
  const { info } = JSON.parse(body) as { readonly info?: { readonly version?: unknown } };
  return typeof info?.version === "string" ? info.version : undefined;
}

function versionFinding(url: string, version: string | undefined): Finding {
  if (version === undefined) return ok("supernode", `${url} is ready`);
  if (version === packageVersion) return ok("supernode", `${url} is ready, version ${version}`);
  const found = `${url} is ready, version ${version}; this host has ${packageVersion}`;
  return warn("supernode", found, "bring both to the same version, the supernode first");
}
