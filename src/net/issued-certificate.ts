// What a supernode answers to a request for a certificate, looked at before it is used and kept: that nothing in it was altered, that it is for
// this host's key, and that an authority which it names has signed it.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import { certifiedName, type Identity } from "./credentials.ts";
import { hostIdOfKey } from "./host-key.ts";

/** The same identity, of its texts no more than what was understood of them. Errors: `protocol-violation`. */
export function readIdentity({ key, cert, authorities }: Identity): Identity {
  try {
    const own = new X509Certificate(cert);
    const trusted = authorities.map((pem) => new X509Certificate(pem));
    if (!trusted.every((one) => one.ca && one.verify(one.publicKey))) throw new Error("an authority is none");
    if (!own.checkPrivateKey(createPrivateKey(key))) throw new Error("it is for another key");
    const name = `URI:${certifiedName("host", hostIdOfKey(key))}`;
    if (own.subjectAltName !== name) throw new Error("it is for another host");
    const isSigned = trusted.some((one) => own.checkIssued(one) && own.verify(one.publicKey));
    if (!isSigned) throw new Error("no authority has signed it");
    return { key, cert: own.toString(), authorities: trusted.map(String) };
  } catch (cause) {
    const message = `the certificate from the supernode is not valid: ${(cause as Error).message}`;
    throw new DragonflyError("protocol-violation", message, { cause });
  }
}
