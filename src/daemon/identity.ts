// This host's place in a cluster with TLS: joins with a token once, keeps key and certificate in the data directory, and comes back with them.

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import { clockSays, withClock } from "../net/clock-hint.ts";
import { Credentials, fetchAuthority, type Identity } from "../net/credentials.ts";
import { certificateRequest, hostIdOfKey, newHostKey } from "../net/host-key.ts";
import { readIdentity } from "../net/issued-certificate.ts";
import { askSupernode, refusalIn } from "../net/supernode-request.ts";
import { addressOfUrl, formatAddress, parseAddress } from "../runtime/address.ts";
import type { DaemonConfig } from "../runtime/daemon-config.ts";
import type { Log } from "../runtime/log.ts";
import { writePrivate } from "../runtime/private-file.ts";
import { secretText } from "../runtime/secret-text.ts";
import { parseToken, type Token } from "../wire/token.ts";

const kept = z.object({
  key: z.string(),
  cert: z.string(),
  authorities: z.array(z.string()).min(1),
  /** Where it joined: host:port. */
  supernode: z.string(),
});
type Kept = z.infer<typeof kept>;

const certificate = z.object({ cert: z.string(), authorities: z.array(z.string()).min(1) });

export interface ClusterIdentity {
  readonly credentials: Credentials;
  readonly host: ReturnType<typeof hostIdOfKey>;
  /** host:port, where it joined. */
  readonly supernode: string;
  /** Keeps what the supernode has renewed, for the next start too. */
  readonly renew: (next: Pick<Identity, "cert" | "authorities">) => Promise<void>;
}

const timeoutMs = 10_000;

/**
 * Undefined for a host that is to speak plain HTTP: it has no token and never had one, or `--insecure` says so. Errors: `not-authorised` where
 * the token is refused, or the certificate has expired and there is none; `supernode-unreachable`, `bad-usage`, `not-writable`,
 * `protocol-violation` for an answer that was altered.
 */
export async function openIdentity(config: DaemonConfig, log: Log): Promise<ClusterIdentity | undefined> {
  const path = fileIn(config.dataDir);
  const known = config.token === undefined && config.insecure ? undefined : await read(path);
  const text = config.token === undefined ? undefined : await secretText(config.token);
  const token = text === undefined ? undefined : parseToken(text);
  if (known !== undefined && isUsable(known, token)) return identityOf(path, known);
  if (text === undefined || token === undefined) {
    if (known === undefined) return undefined;
    const message =
      "this host's certificate has expired: start it once with --token, as dragonfly token create prints it";
    throw new DragonflyError("not-authorised", message);
  }
  const key = known?.key ?? (await newHostKey());
  const addresses =
    config.supernodes.length > 0 ? config.supernodes.map((url) => formatAddress(addressOfUrl(url))) : token.supernodes;
  const joined = await joinOneOf(addresses, text, token, key);
  log.info("joined cluster", { host: hostIdOfKey(key), supernode: joined.supernode });
  await save(path, joined);
  return identityOf(path, joined);
}

/** What the data directory has, valid or not; undefined for a host that never joined. Errors: `not-writable` for a damaged file. */
export async function knownIdentity(dataDir: string): Promise<ClusterIdentity | undefined> {
  const path = fileIn(dataDir);
  const known = await read(path);
  return known === undefined ? undefined : identityOf(path, known);
}

function fileIn(dataDir: string): string {
  return join(dataDir, "identity.json");
}

function identityOf(path: string, known: Kept): ClusterIdentity {
  const credentials = new Credentials(known);
  return {
    credentials,
    host: hostIdOfKey(known.key),
    supernode: known.supernode,
    async renew({ cert, authorities }) {
      const next = keptOf(known, { cert, authorities });
      credentials.renew(next);
      await save(path, next);
    },
  };
}

async function joinOneOf(addresses: readonly string[], text: string, token: Token, key: string): Promise<Kept> {
  const silent: string[] = [];
  for (const supernode of addresses) {
    try {
      const address = parseAddress(supernode);
      const authority = await fetchAuthority(address, token.authority, timeoutMs);
      const url = `https://${supernode}`;
      const body = { request: await certificateRequest(key) };
      const asked = { method: "POST", path: "/v1/join", body, token: text, authority, timeoutMs };
      const answer = await askSupernode(url, asked);
      if (answer.status !== 200) throw refusalIn(answer, url);
      return validNow(keptOf({ key, supernode }, answerIn(answer.body)));
    } catch (thrown) {
      if (thrown instanceof DragonflyError && thrown.code !== "supernode-unreachable") throw thrown;
      silent.push(thrown instanceof DragonflyError ? thrown.message : `${supernode}: ${withClock(thrown as Error)}`);
    }
  }
  throw new DragonflyError("supernode-unreachable", `no supernode lets this host join: ${silent.join("; ")}`);
}

/** Errors: `protocol-violation`. */
function keptOf(
  { key, supernode }: Pick<Kept, "key" | "supernode">,
  issued: Pick<Identity, "cert" | "authorities">,
): Kept {
  const { cert, authorities } = readIdentity({ key, ...issued });
  return { key, cert, authorities: [...authorities], supernode };
}

/** Others would believe it, and this host would not believe them. Errors: `not-authorised`. */
function validNow(joined: Kept): Kept {
  const { validFrom, validTo } = new X509Certificate(joined.cert);
  if (Date.parse(validFrom) <= Date.now() && Date.now() < Date.parse(validTo)) return joined;
  const message = `the certificate is valid from ${validFrom} to ${validTo}: ${clockSays()}`;
  throw new DragonflyError("not-authorised", message);
}

function answerIn(body: string): z.infer<typeof certificate> {
  try {
    return certificate.parse(JSON.parse(body));
  } catch (cause) {
    throw new DragonflyError("protocol-violation", "the supernode's answer is no certificate", { cause });
  }
}

/** A certificate that is valid, and of the cluster that the token is for. */
function isUsable({ cert, authorities }: Kept, token: Token | undefined): boolean {
  if (Date.parse(new X509Certificate(cert).validTo) <= Date.now()) return false;
  return token === undefined || authorities.some((pem) => digestOf(pem) === token.authority);
}

function digestOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
}

async function read(path: string): Promise<Kept | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const known = kept.parse(JSON.parse(text));
    return keptOf(known, known);
  } catch (cause) {
    throw new DragonflyError("not-writable", `${path} is damaged: remove it, and join again with --token`, { cause });
  }
}

function save(path: string, known: Kept): Promise<void> {
  return writePrivate(path, `${JSON.stringify(known)}\n`);
}
