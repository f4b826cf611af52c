// The proxy's own certificate authority: one in a data directory, whose key never leaves it, and which may vouch for listed hosts alone.

import { randomBytes, X509Certificate } from "node:crypto";
import { rm } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import {
  type IssuedCertificate,
  type Issuer,
  newKeys,
  pemOfKey,
  readIssuer,
  selfSigned,
  signLeaf,
  writeIssuer,
} from "../net/certificates.ts";
import { loadX509, type X509 } from "../net/x509-library.ts";
import type { HostPattern } from "../runtime/host-pattern.ts";
import { encodeNameConstraints, permits, permittedHosts } from "./name-constraints.ts";

const dayMs = 86_400_000;
const authorityLifeMs = 3650 * dayMs;
/** Longer than a leaf is used, shorter than anybody could make use of a stolen one. */
const leafLifeMs = 3 * dayMs;
const nameConstraintsOid = "2.5.29.30";
const remedy = "make another with dragonfly ca create --replace";

/** Where a data directory has it. */
export function authorityFolder(dataDir: string): string {
  return join(dataDir, "ca");
}

export class Authority {
  /** The certificate's file. */
  readonly path: string;
  /** PEM of the certificate. */
  readonly pem: string;
  /** Hosts that it may vouch for, each with the names below it. */
  readonly hosts: readonly string[];
  readonly #library: X509;
  readonly #issuer: Issuer;

  private constructor(folder: string, library: X509, issuer: Issuer) {
    this.path = join(folder, "cert.pem");
    this.pem = issuer.pem;
    this.#library = library;
    this.#issuer = issuer;
    const constraints = new library.x509.X509Certificate(issuer.pem).getExtension(nameConstraintsOid);
    this.hosts = constraints === null ? [] : permittedHosts(library, constraints.value);
  }

  /** The one that is there; undefined where there is none. Errors: `bad-config` for one that is broken or has expired. */
  static async load(folder: string): Promise<Authority | undefined> {
    const issuer = await readIssuer(folder, remedy);
    return issuer === undefined ? undefined : new Authority(folder, await loadX509(), issuer);
  }

  /** Makes one that may vouch for these hosts, or gives the one that is there. Errors: `not-writable`, those of `load`. */
  static async create(folder: string, hosts: readonly HostPattern[]): Promise<Authority> {
    const known = await Authority.load(folder);
    if (known !== undefined) return known;
    const library = await loadX509();
    const { x509 } = library;
    // Two hosts' authorities must not be taken for each other.
    const name = `CN=Dragonfly proxy ${randomBytes(4).toString("hex")},O=Dragonfly`;
    const extensions = [new x509.Extension(nameConstraintsOid, true, encodeNameConstraints(library, hosts))];
    await writeIssuer(folder, await selfSigned(library, { name, lifeMs: authorityLifeMs, extensions }));
    const made = await Authority.load(folder);
    if (made === undefined) throw new DragonflyError("not-writable", `cannot write ${folder}`);
    return made;
  }

  static async remove(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  get certificate(): X509Certificate {
    return new X509Certificate(this.pem);
  }

  /** Those of the hosts that it may not vouch for. */
  beyond(hosts: readonly HostPattern[]): readonly HostPattern[] {
    return hosts.filter((host) => !permits(this.hosts, host));
  }

  /** A short-lived certificate for one host, with a key of its own. */
  async issue(host: string): Promise<IssuedCertificate> {
    const keys = await newKeys();
    const cert = await signLeaf(this.#library, this.#issuer, {
      // Some libraries hold a common name that looks like a host to the constraints on names of hosts.
      subject: isIP(host) !== 0 || host.length > 64 ? "CN=Dragonfly proxy" : `CN=${host}`,
      publicKey: keys.publicKey,
      lifeMs: leafLifeMs,
      nowMs: Date.now(),
      names: [{ type: isIP(host) === 0 ? "dns" : "ip", value: host }],
      client: false,
    });
    return { key: pemOfKey(keys.privateKey), cert };
  }
}
