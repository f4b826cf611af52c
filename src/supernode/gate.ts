// Who is let in at a supernode that speaks TLS: hosts by their certificates, the callers of its API by their tokens. It issues the certificates,
// renews its own, and shuts out who was revoked or did not renew.

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { renewalDueMs } from "../core/certificate-times.ts";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import type { Access } from "../core/role.ts";
import { Credentials, certifiedPeer } from "../net/credentials.ts";
import type { Log } from "../runtime/log.ts";
import { Repeats } from "../runtime/repeats.ts";
import { type Certificate, ClusterAuthority } from "./cluster-authority.ts";
import { Revocations } from "./revocations.ts";
import { Tokens } from "./tokens.ts";

type Asked = Pick<IncomingMessage, "headers" | "socket">;

export interface GateOptions {
  readonly dataDir: string;
  readonly certificateLifeMs: number;
  /** The supernode's own id. */
  readonly host: HostId;
  /** Names and addresses by which clients may know it. */
  readonly reachedAs: readonly { readonly type: "dns" | "ip"; readonly value: string }[];
  readonly log: Log;
  /** A host is in no more. */
  readonly onShutOut: (host: HostId) => void;
}

/** Within this time the word of `dragonfly token revoke` counts. */
const sweepEveryMs = 1000;
const refreshEveryMs = 60_000;

export class Gate {
  readonly credentials: Credentials;
  readonly #options: GateOptions;
  readonly #authority: ClusterAuthority;
  readonly #tokens: Tokens;
  readonly #revocations: Revocations;
  /** Of the hosts that came in. */
  readonly #expiresAtMs = new Map<HostId, number>();
  readonly #repeats = new Repeats();
  readonly #sweep: NodeJS.Timeout;
  #refreshAtMs = 0;

  private constructor(options: GateOptions, authority: ClusterAuthority, credentials: Credentials) {
    this.#options = options;
    this.#authority = authority;
    this.credentials = credentials;
    this.#tokens = new Tokens(options.dataDir);
    this.#revocations = new Revocations(options.dataDir);
    this.#sweep = setInterval(() => void this.#look(), sweepEveryMs).unref();
  }

  /** Errors: `bad-config` for a broken authority, `not-writable`. */
  static async open(options: GateOptions): Promise<Gate> {
    const authority = await ClusterAuthority.open(options);
    const credentials = new Credentials(await authority.issueSupernode(options.host, options.reachedAs));
    const gate = new Gate(options, authority, credentials);
    await gate.#revocations.refresh();
    return gate;
  }

  /** The host that asks. Errors: `not-authorised`. */
  host({ socket }: Asked): HostId {
    try {
      return this.#host(socket);
    } catch (error) {
      throw this.#refused("host refused", socket, error);
    }
  }

  #host(socket: Duplex): HostId {
    const peer = certifiedPeer(socket);
    if (peer?.role !== "host")
      throw new DragonflyError("not-authorised", "this needs the certificate of a host that joined");
    this.#refuseRevoked(peer.id);
    this.#expiresAtMs.set(peer.id, Math.max(peer.expiresAtMs, this.#expiresAtMs.get(peer.id) ?? 0));
    return peer.id;
  }

  /** Whether this request may do what needs `needed`. Errors: `not-authorised`, `not-permitted`. */
  async caller({ headers, socket }: Asked, needed: Access): Promise<void> {
    if (needed === "open") return;
    const text = bearerToken(headers);
    await this.#tokens.check(text, needed).catch((error: unknown) => {
      throw this.#refused("token refused", socket, error);
    });
  }

  /** A certificate for whoever has a token to join with. Errors: `not-authorised`, `not-permitted`, `bad-usage`. */
  async join({ headers }: Pick<IncomingMessage, "headers">, request: string): Promise<Certificate> {
    const text = bearerToken(headers);
    const { host, ...certificate } = await this.#authority.issueHost(request, async (id) => {
      this.#refuseRevoked(id);
      const token = await this.#tokens.join(text, id);
      this.#options.log.info("host admitted", { host: id, admittedBy: token.id });
    });
    return certificate;
  }

  /** The next certificate of a connected host. Errors: `not-authorised`, `bad-usage`. */
  async renew(host: HostId, request: string): Promise<Certificate> {
    const { cert, authorities } = await this.#authority.issueHost(request, async (id) => {
      if (id !== host) throw new DragonflyError("not-authorised", "the request is for another host's certificate");
      this.#refuseRevoked(id);
    });
    this.#expiresAtMs.set(host, Date.now() + this.#options.certificateLifeMs);
    return { cert, authorities };
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  /** Who it was is not proved: what is known of him is where he came from. */
  #refused(what: string, { remoteAddress: remote }: Pick<Socket, "remoteAddress">, error: unknown): unknown {
    const { message } = DragonflyError.from(error);
    const times = this.#repeats.toSay(`${what} ${remote} ${message}`, performance.now());
    if (times > 0) this.#options.log.warn(what, { remote, error: message, times });
    return error;
  }

  #refuseRevoked(host: HostId): void {
    if (this.#revocations.has(host)) throw new DragonflyError("not-authorised", `the host ${host} was revoked`);
  }

  async #look(): Promise<void> {
    const now = Date.now();
    for (const host of await this.#revocations.refresh()) this.#shutOut(host, "it was revoked");
    for (const [host, expiresAtMs] of this.#expiresAtMs)
      if (now >= expiresAtMs) this.#shutOut(host, "its certificate expired");
    if (now < this.#refreshAtMs) return;
    this.#refreshAtMs = now + Math.min(refreshEveryMs, this.#options.certificateLifeMs / 4);
    try {
      await this.#authority.refresh();
      const { host, reachedAs } = this.#options;
      const isKnown = String(this.credentials.identity.authorities) === String(this.#authority.trusted);
      if (!isKnown || now >= renewalDueMs(this.credentials.times)) {
        this.credentials.renew(await this.#authority.issueSupernode(host, reachedAs));
      }
    } catch (error) {
      this.#options.log.error("own certificate not renewed", { error: DragonflyError.from(error).message });
    }
  }

  #shutOut(host: HostId, why: string): void {
    this.#expiresAtMs.delete(host);
    this.#options.log.warn("host shut out", { host, why });
    this.#options.onShutOut(host);
  }
}

function bearerToken({ authorization }: IncomingMessage["headers"]): string {
  const text = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
  if (text !== undefined) return text;
  throw new DragonflyError(
    "not-authorised",
    "this needs a token: dragonfly token create prints one, to be sent as Authorization: Bearer",
  );
}
