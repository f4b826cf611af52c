// The cluster's signing key and the supernode's own host id, made at the first start and kept in its data directory.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";

export interface ClusterKey {
  readonly host: HostId;
  readonly privateKey: KeyObject;
  /** SPKI in base64, as daemons get it. */
  readonly publicKey: string;
}

interface KeyFile {
  readonly host: string;
  readonly key: string;
}

export async function loadClusterKey(dataDir: string): Promise<ClusterKey> {
  const path = join(dataDir, "cluster-key.json");
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    return parse(await readFile(path, "utf8"), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      if (error instanceof DragonflyError) throw error;
      throw new DragonflyError("not-writable", `cannot use ${dataDir}: ${(error as Error).message}`, { cause: error });
    }
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const file: KeyFile = { host: randomBytes(16).toString("hex"), key: pem };
  await writeFile(`${path}.new`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return parse(JSON.stringify(file), path);
}

function parse(text: string, path: string): ClusterKey {
  try {
    const file = JSON.parse(text) as KeyFile;
    if (!/^[0-9a-f]{32}$/.test(file.host)) throw new Error("no host id");
    const privateKey = createPrivateKey(file.key);
    const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
    return { host: file.host as HostId, privateKey, publicKey };
  } catch (cause) {
    throw new DragonflyError("not-writable", `${path} is damaged: restore it, or remove it to start a new cluster`, {
      cause,
    });
  }
}
