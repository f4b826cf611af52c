// Certificates that were altered: what a supernode issues, as a daemon reads it, and what a host shows, as a server sees it.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, createSecureContext, createServer as createTlsServer, type SecureContext } from "node:tls";
import { openIdentity } from "../daemon/identity.ts";
import { Credentials, certifiedPeer, type Identity } from "../net/credentials.ts";
import { certificateRequest, hostIdOfKey, newHostKey } from "../net/host-key.ts";
import { readIdentity } from "../net/issued-certificate.ts";
import { parseDaemonOptions } from "../runtime/config.ts";
import { silentLog } from "../runtime/log.ts";
import { formatToken } from "../wire/token.ts";
import { ClusterAuthority } from "./cluster-authority.ts";

let folder: string;
let authority: ClusterAuthority;
let identity: Identity;
let supernode: Credentials;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "altered-"));
  authority = await ClusterAuthority.open({ dataDir: folder, certificateLifeMs: 3_600_000 });
  identity = await issued(await newHostKey());
  supernode = new Credentials(await authority.issueSupernode(hostIdOfKey(await newHostKey()), []));
});
after(() => rm(folder, { recursive: true }));

async function issued(key: string): Promise<Identity> {
  const { cert, authorities } = await authority.issueHost(await certificateRequest(key), async () => {});
  return { key, cert, authorities };
}

/** The certificate with one bit of each byte the other way, by the byte's place. */
function* alterations(pem: string): Iterable<readonly [at: number, pem: string]> {
  const der = new X509Certificate(pem).raw;
  for (let at = 0; at < der.length; at++) {
    const altered = Buffer.from(der);
    altered.writeUInt8(altered.readUInt8(at) ^ (1 << (at % 8)), at);
    yield [at, `-----BEGIN CERTIFICATE-----\n${altered.toString("base64")}\n-----END CERTIFICATE-----\n`];
  }
}

test("what is issued and not altered is taken", () => {
  const read = readIdentity(identity);
  assert.deepEqual(new X509Certificate(read.cert).raw, new X509Certificate(identity.cert).raw);
  assert.equal(read.authorities.length, 1);
});

test("an issued certificate altered in any byte is refused, and so is its authority's", () => {
  const [own = ""] = identity.authorities;
  for (const [at, cert] of alterations(identity.cert)) {
    assert.throws(() => readIdentity({ ...identity, cert }), { code: "protocol-violation" }, `certificate, byte ${at}`);
  }
  for (const [at, pem] of alterations(own)) {
    const altered = { ...identity, authorities: [pem] };
    assert.throws(() => readIdentity(altered), { code: "protocol-violation" }, `authority, byte ${at}`);
    const besides = { ...identity, authorities: [own, pem] };
    assert.throws(() => readIdentity(besides), { code: "protocol-violation" }, `another authority, byte ${at}`);
  }
});

test("the text of a certificate altered in any character is refused, or says the same", () => {
  const { raw } = new X509Certificate(identity.cert);
  for (let at = 0; at < identity.cert.length; at++) {
    const other = identity.cert[at] === "A" ? "B" : "A";
    const cert = `${identity.cert.slice(0, at)}${other}${identity.cert.slice(at + 1)}`;
    try {
      assert.deepEqual(new X509Certificate(readIdentity({ ...identity, cert }).cert).raw, raw, `character ${at}`);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "protocol-violation", `character ${at}`);
    }
  }
});

test("another host's certificate, a supernode's, and one of another cluster are refused", async () => {
  const other = await issued(await newHostKey());
  const foreign = await ClusterAuthority.open({ dataDir: join(folder, "foreign"), certificateLifeMs: 3_600_000 });
  const { cert, authorities } = await foreign.issueHost(await certificateRequest(identity.key), async () => {});
  for (const wrong of [
    { ...identity, cert: other.cert },
    { ...supernode.identity },
    { ...identity, cert },
    { ...identity, authorities },
    { ...identity, authorities: [identity.cert] },
  ]) {
    assert.throws(() => readIdentity(wrong), { code: "protocol-violation" });
  }
});

test("a host does not join with an answer that was altered, and keeps nothing of it", async (t) => {
  let answer = "";
  const server = createServer(supernode.serverOptions("may"), (request, response) => {
    const parts: Buffer[] = [];
    request
      .on("data", (part: Buffer) => parts.push(part))
      .on("end", async () => {
        const { request: csr } = JSON.parse(String(Buffer.concat(parts)));
        const { cert, authorities } = await authority.issueHost(csr, async () => {});
        response.end(answer === "" ? JSON.stringify({ cert, authorities }) : alteredAt(answer, { cert, authorities }));
      });
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token = formatToken({
    ...{ id: "0".repeat(16), role: "join", secret: "s".repeat(32), authority: authority.sha256 },
    ...{ supernodes: [at], expiresAtMs: null, uses: null },
  });
  const join_ = (dataDir: string) =>
    openIdentity(parseDaemonOptions({ dataDir, token, socket: join(folder, "s") }), silentLog);
  for (const what of ["cert", "authorities", "all of it"]) {
    answer = what;
    await assert.rejects(join_(join(folder, "host")), { code: "protocol-violation" }, what);
  }
  answer = "";
  const joined = await join_(join(folder, "host"));
  assert.ok(joined !== undefined);
  await assert.rejects(joined.renew({ ...identity }), { code: "protocol-violation" });
  assert.equal(joined.host, hostIdOfKey(joined.credentials.identity.key));
});

function alteredAt(what: string, { cert, authorities }: Pick<Identity, "cert" | "authorities">): string {
  const altered = (pem: string): string => [...alterations(pem)].at(-9)?.[1] ?? "";
  if (what === "cert") return JSON.stringify({ cert: altered(cert), authorities });
  if (what === "authorities") return JSON.stringify({ cert, authorities: authorities.map(altered) });
  return JSON.stringify({ cert: 1, authorities });
}

test("a host's certificate altered in any byte opens nothing", async (t) => {
  const seen: (string | undefined)[] = [];
  const server = createTlsServer(supernode.serverOptions("may"), (socket) => {
    const id = certifiedPeer(socket)?.id;
    seen.push(id);
    socket.end(id ?? "nobody");
  });
  server.on("tlsClientError", () => {});
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const shown = async (secureContext: SecureContext): Promise<string> => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      secureContext,
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    });
    let heard = "";
    socket.on("data", (part) => (heard += String(part)));
    await new Promise<void>((resolve) => socket.once("close", () => resolve()).on("error", () => {}));
    return heard;
  };
  const { key, cert } = identity;
  assert.equal(await shown(createSecureContext({ key, cert })), hostIdOfKey(key));
  let unusable = 0;
  for (const [at, altered] of alterations(cert)) {
    const context = contextOf(key, altered);
    if (context === undefined) unusable++;
    else assert.match(await shown(context), /^(?:nobody)?$/, `byte ${at}`);
  }
  // Nobody can show those with this key in a handshake.
  assert.ok(unusable < 250, String(unusable));
  assert.equal(seen.filter((id) => id !== undefined).length, 1);
});

function contextOf(key: string, cert: string): SecureContext | undefined {
  try {
    return createSecureContext({ key, cert });
  } catch {
    return undefined;
  }
}
