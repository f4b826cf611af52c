// Who this process is to the others of its cluster, and whom it believes: its certificate, the authorities it trusts, and the TLS options that
// follow. TLS is 1.3 with a certificate on both sides; what is in the certificate is the host's id, so names and addresses do not matter.

import { X509Certificate } from "node:crypto";
import type { TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  TLSSocket,
  type TlsOptions,
} from "node:tls";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { backdateMs } from "./certificates.ts";

/** All PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
  /** Whose certificates are believed; the one that issued `cert` is among them. */
  readonly authorities: readonly string[];
}

export type CertifiedRole = "host" | "supernode";

/** Who is at the other end of a connection, by a certificate that is valid now. */
export interface CertifiedPeer {
  readonly role: CertifiedRole;
  readonly id: HostId;
  readonly expiresAtMs: number;
}

/** Whom a connection is for: any supernode, or the one with this id, whichever role it has. */
export type Expected = { readonly role: "supernode" } | { readonly id: HostId };

const minVersion = "TLSv1.3";
/** The quickest with the processors' own instructions first. */
const ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
const handshakeTimeoutMs = 10_000;
const keepAliveMs = 15_000;
const nameScheme = "dragonfly:";

/** The name by which a certificate says who its owner is, a URI among its alternative names. */
export function certifiedName(role: CertifiedRole, id: HostId): string {
  return `${nameScheme}${role}/${id}`;
}

export class Credentials {
  #identity: Identity;
  #context: SecureContext;
  readonly #renewed = new Set<() => void>();

  constructor(identity: Identity) {
    this.#identity = identity;
    this.#context = contextOf(identity);
  }

  get identity(): Identity {
    return this.#identity;
  }

  get times(): { readonly issuedAtMs: number; readonly expiresAtMs: number } {
    const { validFrom, validTo } = new X509Certificate(this.#identity.cert);
    return { issuedAtMs: Date.parse(validFrom) + backdateMs, expiresAtMs: Date.parse(validTo) };
  }

  /** Connections that stand are not touched. */
  renew(identity: Identity): void {
    this.#context = contextOf(identity);
    this.#identity = identity;
    for (const renewed of this.#renewed) renewed();
  }

  /** For a server that is to be believed by others; it hears of renewals until it is closed. `clients`: whether each must have a certificate. */
  serverOptions(clients: "must" | "may"): TlsOptions {
    return {
      ...this.#contextOptions(),
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: true,
      rejectUnauthorized: clients === "must",
    };
  }

  /** Keeps a server's certificate new. Returns the way to stop. */
  keep(server: { setSecureContext(options: TlsOptions): void }): () => void {
    const renewed = (): void => server.setSecureContext(this.#contextOptions());
    this.#renewed.add(renewed);
    return () => this.#renewed.delete(renewed);
  }

  /** For a client's connection to somebody of the cluster. */
  clientOptions(expected: Expected) {
    return {
      secureContext: this.#context,
      minVersion,
      checkServerIdentity: (_name: string, certificate: PeerCertificate) => unexpected(certificate, expected),
    } as const;
  }

  /** A connection for a peer link; passes on `onread`. */
  connect(options: TcpNetConnectOpts, expected: Expected): TLSSocket {
    const socket = connect({ ...options, ...this.clientOptions(expected) });
    return socket.once("connect", () => socket.setNoDelay(true).setKeepAlive(true, keepAliveMs));
  }

  #contextOptions(): TlsOptions {
    const { key, cert, authorities } = this.#identity;
    return { key, cert: withIssuer(cert, authorities), ca: [...authorities], minVersion, ciphers };
  }
}

/** Undefined for a connection without TLS, without a certificate, or with one that is not the cluster's or is over. */
export function certifiedPeer(socket: Duplex): CertifiedPeer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const named = nameIn(certificate);
  const expiresAtMs = Date.parse(certificate.valid_to);
  // A session that is resumed is not looked at again by TLS.
  return named === undefined || !(Date.now() < expiresAtMs) ? undefined : { ...named, expiresAtMs };
}

/** Whether the other end showed a certificate, good or not. */
export function showedCertificate(socket: Duplex): boolean {
  return socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate()).length > 0;
}

/**
 * The authority of the server at host:port, by the digest of its certificate that a token has: the server sends it with its own, and what it
 * says about itself is not believed before. Errors: `supernode-unreachable`; `not-authorised` for another one.
 */
export async function fetchAuthority(
  address: { host: string; port: number },
  sha256: string,
  timeoutMs: number,
): Promise<string> {
  const where = `${address.host}:${address.port}`;
  const chain = await presentedChain(address, timeoutMs).catch((cause: Error) => {
    throw new DragonflyError("supernode-unreachable", `the supernode at ${where} does not answer: ${cause.message}`, {
      cause,
    });
  });
  const found = chain.find(({ fingerprint256 }) => fingerprint256.replaceAll(":", "").toLowerCase() === sha256);
  if (found !== undefined) return found.toString();
  const message = `the supernode at ${where} is of another cluster than the token, or its authority was replaced: create a new token`;
  throw new DragonflyError("not-authorised", message, { blame: "peer" });
}

function presentedChain(
  address: { host: string; port: number },
  timeoutMs: number,
): Promise<readonly X509Certificate[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, minVersion, rejectUnauthorized: false });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("it is silent")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("it ended the connection")));
    socket.once("secureConnect", () => {
      const chain: X509Certificate[] = [];
      let next = socket.getPeerX509Certificate();
      while (next !== undefined && chain.length < 8) {
        chain.push(next);
        next = next.issuerCertificate;
      }
      resolve(chain);
      socket.destroy();
    });
  });
}

/** What is wrong with the certificate of somebody who should be a supernode. */
export function supernodeIdentityProblem(certificate: PeerCertificate): Error | undefined {
  return unexpected(certificate, { role: "supernode" });
}

function contextOf({ key, cert, authorities }: Identity): SecureContext {
  return createSecureContext({ key, cert: withIssuer(cert, authorities), ca: [...authorities], minVersion, ciphers });
}

/** The authority goes along, for those who know it by its digest alone. */
function withIssuer(cert: string, authorities: readonly string[]): string {
  const leaf = new X509Certificate(cert);
  return cert + (authorities.find((pem) => leaf.checkIssued(new X509Certificate(pem))) ?? "");
}

function unexpected(certificate: PeerCertificate, expected: Expected): Error | undefined {
  const named = nameIn(certificate);
  if (named === undefined) return new Error("its certificate is not a host's");
  if ("id" in expected)
    return named.id === expected.id ? undefined : new Error(`it is host ${named.id} and not ${expected.id}`);
  return named.role === expected.role ? undefined : new Error("its certificate is not a supernode's");
}

function nameIn({
  subjectaltname,
}: Pick<PeerCertificate, "subjectaltname">): Pick<CertifiedPeer, "role" | "id"> | undefined {
  const match = /(?:^|, )URI:dragonfly:(host|supernode)\/([0-9a-f]{32})(?:, |$)/.exec(subjectaltname ?? "");
  return match === null ? undefined : { role: match[1] as CertifiedRole, id: match[2] as HostId };
}
