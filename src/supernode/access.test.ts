// Who is let in where: every route of a running supernode, and a daemon's piece port, with every kind of caller.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type RequestOptions, request } from "node:https";
import { after, before, test } from "node:test";
import type { HostId } from "../core/ids.ts";
import type { Access, Role } from "../core/role.ts";
import type { Daemon } from "../daemon/daemon.ts";
import { certificateRequest, hostIdOfKey, newHostKey } from "../net/host-key.ts";
import { openLog } from "../runtime/log.ts";
import { SecureCluster } from "../testing/secure-cluster.ts";
import { parseToken } from "../wire/token.ts";
import { ClusterAuthority } from "./cluster-authority.ts";
import { Revocations } from "./revocations.ts";
import { Tokens } from "./tokens.ts";

/** What each route asks for: a host's certificate, a token with this role, or nothing. */
const table: Readonly<Record<string, Access | "host">> = {
  "GET /v1/control": "host",
  "GET /v1/link": "host",
  "POST /v1/join": "join",
  "GET /healthz": "open",
  "GET /readyz": "open",
  "GET /": "open",
  "GET /console/:name": "open",
  "GET /metrics": "read",
  "GET /api/v1/tasks": "read",
  "GET /api/v1/tasks/:id": "read",
  "GET /api/v1/tasks/:id/peers": "read",
  "GET /api/v1/tasks/:id/explain": "read",
  "DELETE /api/v1/tasks/:id": "admin",
  "GET /api/v1/hosts": "read",
  "POST /api/v1/hosts/:id/isolate": "operate",
  "POST /api/v1/hosts/:id/release": "operate",
  "GET /api/v1/events": "read",
  "GET /api/v1/openapi.json": "read",
  "GET /api/v1/origins": "read",
  "GET /api/v1/preheats": "read",
  "POST /api/v1/preheats": "operate",
  "GET /api/v1/preheats/:id": "read",
  "DELETE /api/v1/preheats/:id": "operate",
};

type Shown = Pick<RequestOptions, "key" | "cert"> & { readonly host?: HostId; readonly token?: string };

let cluster: SecureCluster;
let daemon: Daemon;
const certificates: Record<"none" | "foreign" | "expired" | "revoked" | "right", Shown> = {
  none: {},
  foreign: {},
  expired: {},
  revoked: {},
  right: {},
};
const badTokens: Record<string, string> = {};
const tokens = {} as Record<Role, string>;
/** That the supernode logged. */
const lines: string[] = [];

before(async () => {
  const log = await openLog({ level: "info", format: "text" }, { write: (line) => lines.push(line) });
  cluster = await SecureCluster.start({}, log);
  daemon = await cluster.daemon("ann");
  const options = { dataDir: cluster.dataDir, certificateLifeMs: 60_000 };
  const past = { ...options, nowMs: () => Date.now() - 2 * 3_600_000 };
  const foreign = { ...options, dataDir: `${cluster.folder}/foreign` };
  certificates.right = await certified(options);
  certificates.expired = await certified(past);
  certificates.foreign = await certified(foreign);
  certificates.revoked = await certified(options);
  await new Revocations(cluster.dataDir).add(certificates.revoked.host as HostId);
  for (const role of ["join", "read", "operate", "admin"] as const) tokens[role] = await cluster.token(role);
  const { sha256: authority } = await cluster.authority();
  const wanted = { role: "admin", authority, supernodes: [cluster.address], expiresAtMs: null, uses: null } as const;
  badTokens.foreign = await new Tokens(foreign.dataDir).create(wanted);
  badTokens.expired = await cluster.token("admin", { lifeMs: -1 });
  badTokens.revoked = await cluster.token("admin");
  await new Tokens(cluster.dataDir).revoke(parseToken(badTokens.revoked).id);
  badTokens.none = "";
  // A supernode started anew knows of the revocation at once.
  await cluster.stopSupernode();
  await cluster.startSupernode();
});
after(() => cluster.close());

async function certified(options: Parameters<typeof ClusterAuthority.open>[0]): Promise<Shown> {
  const key = await newHostKey();
  const authority = await ClusterAuthority.open(options);
  const { cert } = await authority.issueHost(await certificateRequest(key), async () => {});
  return { key, cert, host: hostIdOfKey(key) };
}

/** The answer's status; 0 where there was none. */
async function ask(route: string, shown: Shown, port = cluster.port): Promise<number> {
  const [method = "", path = ""] = route.replace(/:(?:id|name)/, "0".repeat(64)).split(" ");
  const { token, host = "0".repeat(32), key, cert } = shown;
  const upgrades: Record<string, Record<string, string>> = {
    "/v1/control": {
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    },
    "/v1/link": { upgrade: "dragonfly-link/1", "dragonfly-host": host },
  };
  const upgrade = upgrades[path];
  const headers = {
    ...(upgrade === undefined ? {} : { connection: "upgrade", ...upgrade }),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  const tls = { rejectUnauthorized: false, minVersion: "TLSv1.3", ...(key && cert ? { key, cert } : {}) } as const;
  const asked = request({ host: "127.0.0.1", port, method, path, headers, agent: false, ...tls });
  asked.on("error", () => {});
  asked.end();
  const status = await Promise.race([
    once(asked, "response").then(([response]) => Number(response.statusCode)),
    once(asked, "upgrade").then(([response, socket]) => {
      socket.destroy();
      return Number(response.statusCode);
    }),
    once(asked, "close").then(() => 0),
  ]).catch(() => 0);
  asked.destroy();
  return status;
}

test("every route that is served has a row", () => {
  const served = cluster.supernode.routes.filter((route) => !route.startsWith("HEAD "));
  assert.deepEqual([...served].sort(), Object.keys(table).sort());
});

test("a host's certificate opens what is for hosts, and nothing else does", async () => {
  for (const [route] of Object.entries(table).filter(([, access]) => access === "host")) {
    for (const [kind, shown] of Object.entries(certificates)) {
      assert.equal(await ask(route, shown), kind === "right" ? 101 : 401, `${route}, certificate: ${kind}`);
    }
    assert.equal(await ask(route, { token: tokens.admin }), 401, `${route}, a token`);
    const other = { ...certificates.right, host: "f".repeat(32) as HostId };
    if (route.endsWith("link")) assert.equal(await ask(route, other), 403, "another host's id");
  }
});

test("a token with the role opens a route of the API, and no certificate and no other token does", async () => {
  const roles = ["join", "read", "operate", "admin"] as const;
  for (const [route, access] of Object.entries(table)) {
    if (access === "host") continue;
    for (const [kind, shown] of Object.entries(certificates)) {
      const status = await ask(route, shown);
      if (access === "open")
        assert.ok(status !== 401 && status !== 403 && status !== 0, `${route}, ${kind}: ${status}`);
      else assert.equal(status, 401, `${route}, certificate: ${kind}`);
    }
    if (access === "open") continue;
    for (const [kind, token] of Object.entries(badTokens)) {
      assert.equal(await ask(route, { token }), 401, `${route}, token: ${kind}`);
    }
    for (const role of roles) {
      const suffices =
        role === access || (role !== "join" && access !== "join" && roles.indexOf(role) > roles.indexOf(access));
      const status = await ask(route, { token: tokens[role] });
      if (suffices) assert.ok(status !== 401 && status !== 403 && status !== 0, `${route}, ${role}: ${status}`);
      else assert.equal(status, 403, `${route}, ${role}`);
    }
  }
});

test("who is refused is logged once, by where he came from, and what he showed is not", async () => {
  for (let times = 0; times < 3; times++) {
    assert.equal(await ask("GET /v1/control", certificates.foreign), 401);
    assert.equal(await ask("GET /api/v1/hosts", { token: badTokens.foreign ?? "" }), 401);
  }
  const host = /warn {2}host refused remote=\S*127\.0\.0\.1 error="this needs the certificate.* times=1$/;
  const token = /warn {2}token refused remote=\S*127\.0\.0\.1 error="the token is not one of this supernode.* times=1$/;
  for (const said of [host, token]) assert.equal(lines.filter((line) => said.test(line.trimEnd())).length, 1);
  assert.ok(!lines.join("").includes(badTokens.foreign ?? "-"));
});

test("a piece port takes nobody without a certificate of the cluster", async () => {
  const port = Number(new URL(daemon.piecesUrl).port);
  for (const route of ["GET /v1/link", "GET /"]) {
    for (const kind of ["none", "foreign", "expired"] as const) {
      assert.equal(await ask(route, certificates[kind], port), 0, `${route}, certificate: ${kind}`);
    }
  }
  assert.equal(await ask("GET /v1/link", certificates.right, port), 101);
  assert.equal(await ask("GET /", certificates.right, port), 404);
  assert.equal(await ask("GET /v1/link", { ...certificates.right, host: "f".repeat(32) as HostId }, port), 403);
});
