// Certificates as this project writes them: ECDSA over P-256, short-lived leaves below an authority whose key stays in one folder.
// What an authority vouches for is said by whoever issues: the proxy's for web servers, the cluster's for hosts.

import { createPrivateKey, KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { X509 } from "./x509-library.ts";

/** Of Web Crypto, for keys and signatures alike. */
export const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Clocks differ: a certificate is valid from so long before it is made. */
export const backdateMs = 3_600_000;

export interface IssuedCertificate {
  /** PEM, as is `cert`. */
  readonly key: string;
  readonly cert: string;
}

/** An authority's certificate and its key. */
export interface Issuer {
  readonly key: KeyObject;
  readonly pem: string;
}

type Extensions = readonly InstanceType<X509["x509"]["Extension"]>[];
type PublicKey = Parameters<X509["x509"]["SubjectKeyIdentifierExtension"]["create"]>[0];

export interface LeafRequest {
  /** A distinguished name, such as `CN=example.com`. */
  readonly subject: string;
  readonly publicKey: PublicKey;
  readonly lifeMs: number;
  readonly nowMs: number;
  readonly names: readonly { readonly type: "dns" | "ip" | "url"; readonly value: string }[];
  /** What it is for besides answering as a server. */
  readonly client: boolean;
}

export function newKeys() {
  return crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

/** An authority's own certificate, and its key. `extensions` are added to what every authority has. */
export async function selfSigned(
  library: X509,
  { name, lifeMs, extensions }: { readonly name: string; readonly lifeMs: number; readonly extensions: Extensions },
): Promise<IssuedCertificate> {
  const { x509 } = library;
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(Date.now(), lifeMs),
    name,
    keys,
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: pemOfKey(keys.privateKey), cert: `${cert.toString("pem")}\n` };
}

/** A leaf's certificate in PEM. */
export async function signLeaf(library: X509, issuer: Issuer, leaf: LeafRequest): Promise<string> {
  const { x509 } = library;
  const authority = new x509.X509Certificate(issuer.pem);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const cert = await x509.X509CertificateGenerator.create({
    ...validity(leaf.nowMs, leaf.lifeMs),
    subject: leaf.subject,
    issuer: authority.subjectName,
    publicKey: leaf.publicKey,
    signingKey: await signingKey(issuer.key),
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(leaf.client ? [serverAuth, clientAuth] : [serverAuth]),
      new x509.SubjectAlternativeNameExtension([...leaf.names]),
      await x509.SubjectKeyIdentifierExtension.create(leaf.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return `${cert.toString("pem")}\n`;
}

/** A key of Web Crypto in PEM (PKCS #8). */
export function pemOfKey(key: Parameters<typeof KeyObject.from>[0]): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

/** A key in PEM (PKCS #8) or as an object, for signing with Web Crypto. */
export function signingKey(key: KeyObject) {
  return crypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), keyAlgorithm, false, ["sign"]);
}

/** The issuer in a folder, undefined where there is none. Errors: `bad-config` for a broken or expired one, ending with `remedy`. */
export async function readIssuer(folder: string, remedy: string): Promise<Issuer | undefined> {
  const [pem, keyPem] = await Promise.all(["cert.pem", "key.pem"].map((name) => readOr(join(folder, name))));
  if (pem === undefined && keyPem === undefined) return undefined;
  const broken = (why: string): DragonflyError =>
    new DragonflyError("bad-config", `the authority in ${folder} ${why}: ${remedy}`);
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
  return { key, pem };
}

/** Both files appear at once; where another process was faster, its own stay. Errors: `not-writable`. */
export async function writeIssuer(folder: string, { key, cert }: IssuedCertificate): Promise<void> {
  try {
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
    const fresh = await mkdtemp(`${folder}.new-`);
    await writeFile(join(fresh, "key.pem"), key, { mode: 0o600 });
    await writeFile(join(fresh, "cert.pem"), cert, { mode: 0o644 });
    await chmod(fresh, 0o755);
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }));
  } catch (cause) {
    throw new DragonflyError("not-writable", `cannot write ${folder}: ${(cause as Error).message}`, { cause });
  }
}

function validity(nowMs: number, lifeMs: number) {
  // Positive, and of twenty bytes at most (RFC 5280, section 4.1.2.2).
  const serialNumber = `4${randomBytes(15).toString("hex")}0`;
  return { serialNumber, notBefore: new Date(nowMs - backdateMs), notAfter: new Date(nowMs + lifeMs) };
}

async function readOr(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new DragonflyError("not-writable", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
