// A certificate authority of one's own, and a server certificate for loopback that it signed.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestAuthority {
  /** PEM, to be trusted. */
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/** Why none can be made here, for a test to skip with. */
export function missingOpenssl(): string | false {
  const found = spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0;
  return found ? false : "openssl is not installed";
}

export function makeTestAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), "dragonfly-ca-"));
  const at = (name: string): string => join(folder, name);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const openssl = (...args: readonly string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
  try {
    const own = ["-subj", "/CN=dragonfly test authority", "-keyout", at("ca.key"), "-out", at("ca.pem")];
    openssl("req", "-x509", ...curve, "-days", "2", ...own);
    const names = ["-subj", "/CN=dragonfly test", "-addext", "subjectAltName=IP:127.0.0.1"];
    openssl("req", ...curve, ...names, "-keyout", at("key.pem"), "-out", at("request.pem"));
    const signed = ["-in", at("request.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-copy_extensions", "copy"];
    openssl("x509", "-req", ...signed, "-days", "2", "-out", at("cert.pem"));
    const read = (name: string): string => readFileSync(at(name), "utf8");
    return { ca: read("ca.pem"), key: read("key.pem"), cert: read("cert.pem") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
