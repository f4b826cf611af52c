// The cluster's own certificate authority: vouches for its hosts and its supernodes, for a short time each. Its key never leaves the data
// directory. While a new authority takes over from an old one both are trusted (core/certificate-times.ts).

import { randomBytes, type webcrypto, X509Certificate } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { reign } from "../core/certificate-times.ts";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import {
  backdateMs,
  type Issuer,
  newKeys,
  pemOfKey,
  readIssuer,
  selfSigned,
  signLeaf,
  writeIssuer,
} from "../net/certificates.ts";
import { certifiedName, type Identity } from "../net/credentials.ts";
import { readCertificateRequest } from "../net/host-key.ts";
import { loadX509 } from "../net/x509-library.ts";

const lifeMs = 3650 * 86_400_000;
const remedy = "restore it, or remove it and let every host join again";
const maxGenerations = 64;

interface Generation extends Issuer {
  readonly madeAtMs: number;
}

/** What a host gets for its request. */
export interface Certificate {
  readonly cert: string;
  readonly authorities: readonly string[];
}

export interface ClusterAuthorityOptions {
  readonly dataDir: string;
  /** Of a certificate. */
  readonly certificateLifeMs: number;
  readonly nowMs?: () => number;
}

export class ClusterAuthority {
  readonly #folder: string;
  readonly #certificateLifeMs: number;
  readonly #nowMs: () => number;
  #generations: readonly Generation[];

  private constructor(options: ClusterAuthorityOptions, generations: readonly Generation[]) {
    this.#folder = folderOf(options.dataDir);
    this.#certificateLifeMs = options.certificateLifeMs;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#generations = generations;
  }

  /** Makes one where there is none. Errors: `bad-config` for a broken one, `not-writable`. */
  static async open(options: ClusterAuthorityOptions): Promise<ClusterAuthority> {
    const folder = folderOf(options.dataDir);
    if ((await readGenerations(folder)).length === 0) await makeGeneration(folder, 1);
    return new ClusterAuthority(options, await readGenerations(folder));
  }

  /** SHA-256 of the certificate of whoever issues now, as tokens have it. */
  get sha256(): string {
    return new X509Certificate(this.#issuer.pem).fingerprint256.replaceAll(":", "").toLowerCase();
  }

  /** PEM of all that are trusted now. */
  get trusted(): readonly string[] {
    return this.#reign().trusted.map(({ pem }) => pem);
  }

  /** Another authority, which takes over when all hosts have heard of it. Errors: `not-writable`. */
  async replace(): Promise<void> {
    await makeGeneration(this.#folder, this.#generations.length + 1);
    await this.refresh();
  }

  /** Looks for one that another process has made. */
  async refresh(): Promise<void> {
    this.#generations = await readGenerations(this.#folder);
  }

  /** `admit` throws for a host that is to get none. Errors: its own; `bad-usage` for what is no request. */
  async issueHost(
    request: string,
    admit: (id: HostId) => Promise<void>,
  ): Promise<Certificate & { readonly host: HostId }> {
    const { id, publicKey } = await readCertificateRequest(request);
    await admit(id);
    const names = [{ type: "url", value: certifiedName("host", id) } as const];
    return { host: id, cert: await this.#sign(`CN=${id}`, publicKey, names), authorities: this.trusted };
  }

  /** For a supernode, with a key of its own; `reachedAs` are names and addresses, for clients that look at these. */
  async issueSupernode(
    id: HostId,
    reachedAs: readonly { readonly type: "dns" | "ip"; readonly value: string }[],
  ): Promise<Identity> {
    const keys = await newKeys();
    const names = [{ type: "url", value: certifiedName("supernode", id) } as const, ...reachedAs];
    const cert = await this.#sign("CN=Dragonfly supernode", keys.publicKey, names);
    return { key: pemOfKey(keys.privateKey), cert, authorities: this.trusted };
  }

  async #sign(
    subject: string,
    publicKey: webcrypto.CryptoKey,
    names: Parameters<typeof signLeaf>[2]["names"],
  ): Promise<string> {
    const leaf = { subject, publicKey, names, lifeMs: this.#certificateLifeMs, nowMs: this.#nowMs(), client: true };
    return signLeaf(await loadX509(), this.#issuer, leaf);
  }

  get #issuer(): Generation {
    const { issuer } = this.#reign();
    if (issuer === undefined) throw new DragonflyError("internal", "there is no authority");
    return issuer;
  }

  #reign() {
    return reign(this.#generations, this.#certificateLifeMs, this.#nowMs());
  }
}

function folderOf(dataDir: string): string {
  return join(dataDir, "authority");
}

async function readGenerations(folder: string): Promise<readonly Generation[]> {
  const names = await readdir(folder).catch(() => []);
  const numbers = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const found: Generation[] = [];
  for (const number of numbers.sort((a, b) => a - b).slice(-maxGenerations)) {
    const issuer = await readIssuer(join(folder, String(number)), remedy);
    if (issuer === undefined) continue;
    found.push({ ...issuer, madeAtMs: Date.parse(new X509Certificate(issuer.pem).validFrom) + backdateMs });
  }
  return found;
}

async function makeGeneration(folder: string, number: number): Promise<void> {
  // Two authorities must not be taken for each other.
  const name = `CN=Dragonfly cluster ${randomBytes(4).toString("hex")},O=Dragonfly`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeIssuer(join(folder, String(number)), await selfSigned(await loadX509(), { name, lifeMs, extensions: [] }));
}
