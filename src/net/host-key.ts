// A host's key and what follows from it: its id, and the request for a certificate. The id is the key's digest, so that nobody can have a
// certificate for another's, whoever issues it.

import { createHash, createPrivateKey, createPublicKey, type webcrypto } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { HostId } from "../core/ids.ts";
import { keyAlgorithm, newKeys, pemOfKey, signingKey } from "./certificates.ts";
import { loadX509 } from "./x509-library.ts";

/** In PEM. */
export async function newHostKey(): Promise<string> {
  return pemOfKey((await newKeys()).privateKey);
}

export function hostIdOfKey(keyPem: string): HostId {
  return idOf(createPublicKey(createPrivateKey(keyPem)).export({ type: "spki", format: "der" }));
}

/** A certificate request (PKCS #10) in PEM: shows the public key, and that its owner has the private one. */
export async function certificateRequest(keyPem: string): Promise<string> {
  const { x509 } = await loadX509();
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const keys = {
    privateKey: await signingKey(key),
    publicKey: await crypto.subtle.importKey("spki", publicKey, keyAlgorithm, true, ["verify"]),
  };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${idOf(publicKey)}`,
    keys,
    signingAlgorithm: keyAlgorithm,
  });
  return request.toString("pem");
}

/** Who asks for a certificate, and for which key. Errors: `bad-usage` for what is no request, or is not signed with its own key. */
export async function readCertificateRequest(
  pem: string,
): Promise<{ readonly id: HostId; readonly publicKey: webcrypto.CryptoKey }> {
  const { x509 } = await loadX509();
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    const publicKey = await request.publicKey.export(keyAlgorithm, ["verify"]);
    if (!(await request.verify())) throw new Error("its signature is not its key's");
    return { id: idOf(Buffer.from(request.publicKey.rawData)), publicKey };
  } catch (cause) {
    throw new DragonflyError("bad-usage", `this is no certificate request: ${(cause as Error).message}`, { cause });
  }
}

function idOf(spki: Uint8Array): HostId {
  return createHash("sha256").update(spki).digest("hex").slice(0, 32) as HostId;
}
