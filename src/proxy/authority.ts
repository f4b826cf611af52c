// The proxy's own certificate authority: one in a data directory, whose key never leaves it, and which may vouch for listed hosts alone.

import { createPrivateKey, KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { HostPattern } from "../runtime/host-pattern.ts";
import { encodeNameConstraints, permits, permittedHosts } from "./name-constraints.ts";
import { loadX509, type X509 } from "./x509-library.ts";

export interface IssuedCertificate {
  /** PEM, as is `cert`. */
  readonly key: string;
  readonly cert: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
const authorityDays = 3650;
/** Longer than a leaf is used, shorter than anybody could make use of a stolen one. */
const leafDays = 3;
/** Clocks differ. */
const backdateMs = 3_600_000;
const nameConstraintsOid = "2.5.29.30";

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
  readonly #key: KeyObject;

  private constructor(folder: string, parts: { library: X509; key: KeyObject; pem: string }) {
    this.path = join(folder, "cert.pem");
    this.pem = parts.pem;
    this.#library = parts.library;
    this.#key = parts.key;
    const constraints = new parts.library.x509.X509Certificate(parts.pem).getExtension(nameConstraintsOid);
    this.hosts = constraints === null ? [] : permittedHosts(parts.library, constraints.value);
  }

  /** The one that is there; undefined where there is none. Errors: `bad-config` for one that is broken or has expired. */
  static async load(folder: string): Promise<Authority | undefined> {
    const [pem, keyPem] = await Promise.all(["cert.pem", "key.pem"].map((name) => readOr(join(folder, name))));
    if (pem === undefined && keyPem === undefined) return undefined;
    const broken = (why: string): DragonflyError =>
      new DragonflyError(
        "bad-config",
        `the authority in ${folder} ${why}: make another with dragonfly ca create --replace`,
      );
    if (pem === undefined || keyPem === undefined) throw broken("lacks its certificate or its key");
    let key: KeyObject;
    let certificate: X509Certificate;
    try {
      key = createPrivateKey(keyPem);
      certificate = new X509Certificate(pem);
    } catch {
      throw broken("cannot be read");
    }
    if (!certificate.checkPrivateKey(key)) throw broken("has a key that is not its certificate's");
    if (Date.parse(certificate.validTo) < Date.now()) throw broken(`expired on ${certificate.validTo}`);
    return new Authority(folder, { library: await loadX509(), key, pem });
  }

  /** Makes one that may vouch for these hosts, or gives the one that is there. Errors: `not-writable`, those of `load`. */
  static async create(folder: string, hosts: readonly HostPattern[]): Promise<Authority> {
    const known = await Authority.load(folder);
    if (known !== undefined) return known;
    const { key, cert } = await selfSigned(await loadX509(), hosts);
    try {
      await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
      const fresh = await mkdtemp(`${folder}.new-`);
      await writeFile(join(fresh, "key.pem"), key, { mode: 0o600 });
      await writeFile(join(fresh, "cert.pem"), cert, { mode: 0o644 });
      await chmod(fresh, 0o755);
      // Both files at once; where another process was faster, its own stay.
      await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }));
    } catch (cause) {
      throw new DragonflyError("not-writable", `cannot write ${folder}: ${(cause as Error).message}`, { cause });
    }
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
    const { x509 } = this.#library;
    const issuer = new x509.X509Certificate(this.pem);
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const cert = await x509.X509CertificateGenerator.create({
      ...validity(leafDays),
      // Some libraries hold a common name that looks like a host to the constraints on names of hosts.
      subject: isIP(host) !== 0 || host.length > 64 ? "CN=Dragonfly proxy" : `CN=${host}`,
      issuer: issuer.subjectName,
      publicKey: keys.publicKey,
      signingKey: await this.#signingKey(),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: isIP(host) === 0 ? "dns" : "ip", value: host }]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ],
    });
    return { key: pemOf(keys.privateKey), cert: `${cert.toString("pem")}\n` };
  }

  #signingKey() {
    const der = this.#key.export({ type: "pkcs8", format: "der" });
    return crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
  }
}

async function selfSigned(library: X509, hosts: readonly HostPattern[]): Promise<IssuedCertificate> {
  const { x509 } = library;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  // Two hosts' authorities must not be taken for each other.
  const name = `CN=Dragonfly proxy ${randomBytes(4).toString("hex")},O=Dragonfly`;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(authorityDays),
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(nameConstraintsOid, true, encodeNameConstraints(library, hosts)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: pemOf(keys.privateKey), cert: `${cert.toString("pem")}\n` };
}

function validity(days: number) {
  // Positive, and of twenty bytes at most (RFC 5280, section 4.1.2.2).
  const serialNumber = `4${randomBytes(15).toString("hex")}0`;
  const now = Date.now();
  return { serialNumber, notBefore: new Date(now - backdateMs), notAfter: new Date(now + days * dayMs) };
}

function pemOf(key: Parameters<typeof KeyObject.from>[0]): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

async function readOr(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new DragonflyError("not-writable", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
