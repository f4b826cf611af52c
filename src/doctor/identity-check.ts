// Whether this host's certificate is valid, and its own.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { renewalDueMs } from "../core/certificate-times.ts";
import type { Identity } from "../net/credentials.ts";
import { Credentials } from "../net/credentials.ts";
import { formatDuration } from "../runtime/units.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const join = "start the daemon once with --token, as dragonfly token create on the supernode prints it";

/** `secure`: a supernode of the configuration speaks TLS. */
export function checkIdentity(identity: Identity | undefined, secure: boolean, nowMs: number): Finding {
  if (identity === undefined) {
    if (secure) return fail("identity", "this host has not joined a cluster, and the supernode speaks TLS", join);
    return ok("identity", "none: this host has not joined a cluster, and speaks plain HTTP");
  }
  const certificate = new X509Certificate(identity.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(identity.key))) {
    return fail("identity", "the certificate is not for this host's key", `remove identity.json and ${join}`);
  }
  if (!identity.authorities.some((pem) => certificate.checkIssued(new X509Certificate(pem)))) {
    return fail("identity", "the certificate is of none of the authorities that it names", join);
  }
  const { issuedAtMs, expiresAtMs } = new Credentials(identity).times;
  const until = new Date(expiresAtMs).toISOString();
  if (nowMs >= expiresAtMs) return fail("identity", `the certificate has expired at ${until}`, join);
  if (nowMs < Date.parse(certificate.validFrom)) {
    return fail("identity", `the certificate is valid from ${certificate.validFrom} only`, "set this machine's clock");
  }
  const left = formatDuration(expiresAtMs - nowMs);
  // It is renewed at half its life.
  if (nowMs > renewalDueMs({ issuedAtMs, expiresAtMs }) + (expiresAtMs - issuedAtMs) / 4) {
    const todo = "run the daemon where it reaches its supernode: it renews the certificate by itself";
    return warn("identity", `the certificate ends in ${left} and is not renewed`, todo);
  }
  return ok("identity", `the certificate is valid until ${until}, for ${left}`);
}
