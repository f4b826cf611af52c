import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Daemon } from "../daemon/daemon.ts";
import { parseDaemonOptions, parseSupernodeOptions } from "../runtime/config.ts";
import type { DaemonOptions } from "../runtime/daemon-config.ts";
import { packageVersion } from "../runtime/package-version.ts";
import { Supernode } from "../supernode/supernode.ts";
import { freePort } from "../testing/free-port.ts";
import { SecureCluster } from "../testing/secure-cluster.ts";
import { checkDisk, roomFinding } from "./disk-check.ts";
import { examine } from "./examine.ts";
import type { Finding, Subject } from "./finding.ts";
import { checkIdentity } from "./identity-check.ts";
import { checkClock, checkSupernode } from "./supernode-check.ts";

let folder = "";
const closes: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "doctor-"));
});
after(async () => {
  for (const close of closes.reverse()) await close();
  await rm(folder, { recursive: true });
});

/** Settings of a daemon with a folder of its own, on ports that are free. */
async function settings(name: string, more: DaemonOptions = {}): Promise<DaemonOptions> {
  const [listen, proxy] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  return { listen, proxy, socket: join(folder, `${name}.sock`), dataDir: join(folder, name), ...more };
}

async function look(options: DaemonOptions): Promise<readonly Finding[]> {
  return examine(parseDaemonOptions(options), {});
}

function about(findings: readonly Finding[], subject: Subject): readonly string[] {
  return findings.filter((one) => one.subject === subject).map(({ state, found }) => `${state} ${found}`);
}

/** A server whose every answer is this. */
async function answering(status: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status, headers).end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closes.push(async () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a daemon that runs as configured, with its supernode and registry, is well", async () => {
  const supernode = await Supernode.start(
    parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir: join(folder, "supernode") }),
  );
  closes.push(() => supernode.close());
  const registry = await answering(401);
  const options = await settings("well", { supernodes: [supernode.url], registry });
  const daemon = await Daemon.start(parseDaemonOptions(options));
  closes.push(() => daemon.close());
  const findings = await look(options);
  assert.deepEqual(about(findings, "daemon"), [`ok version ${packageVersion} runs at ${options.socket}`]);
  assert.deepEqual(about(findings, "port"), [
    `ok ${options.listen} (--listen) is the daemon's`,
    `ok ${options.proxy} (--proxy) is the daemon's`,
  ]);
  assert.deepEqual(about(findings, "supernode"), [`ok ${supernode.url} is ready, version ${packageVersion}`]);
  assert.deepEqual(about(findings, "clock"), ["ok as the supernode's"]);
  assert.deepEqual(about(findings, "identity"), ["ok none: this host has not joined a cluster, and speaks plain HTTP"]);
  assert.deepEqual(about(findings, "registry"), [`ok ${registry} answers, with a login`]);
  assert.deepEqual(about(findings, "proxy"), [`ok http://${options.proxy} answers`]);

  const elsewhere = await look({ ...options, listen: `127.0.0.1:${await freePort()}` });
  assert.match(about(elsewhere, "port")[0] ?? "", /^warn .* is free, so the running daemon listens elsewhere$/);
});

test("a port that another process has is said to be its, and one that nobody has to be free", async () => {
  const other = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  closes.push(async () => other.close());
  const { port } = other.address() as AddressInfo;
  const options = await settings("taken", { proxy: `127.0.0.1:${port}` });
  const findings = await look(options);
  const [listen, proxy] = about(findings, "port");
  assert.equal(listen, `ok ${options.listen} (--listen) is free`);
  assert.match(
    proxy ?? "",
    new RegExp(`^fail 127\\.0\\.0\\.1:${port} \\(--proxy\\) is taken by .+ \\(process ${process.pid}\\)$`),
  );
  assert.match(about(findings, "daemon")[0] ?? "", /^warn none runs at /);
  assert.deepEqual(about(findings, "proxy"), []);
  const foreign = await look({ ...options, proxy: "192.0.2.1:1", insecure: true });
  assert.match(about(foreign, "port")[1] ?? "", /^fail 192\.0\.2\.1:1 is not an address of this machine$/);
});

test("what does not answer is named, with what to do", async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const findings = await look(await settings("alone", { supernodes: [nobody], registry: nobody }));
  assert.deepEqual(about(findings, "supernode"), [`fail ${nobody} does not answer (ECONNREFUSED)`]);
  assert.deepEqual(about(findings, "registry"), [`fail ${nobody} does not answer (ECONNREFUSED)`]);
  assert.deepEqual(about(findings, "clock"), ["warn no supernode tells the time"]);
  for (const one of findings) if (one.state !== "ok") assert.ok(one.todo.length > 10, one.found);
  const odd = await look(await settings("odd", { registry: await answering(404) }));
  assert.match(about(odd, "registry")[0] ?? "", /^warn .* answers HTTP 404 at \/v2\/$/);
});

test("the clock is compared with the supernode's", async () => {
  const at = (date: string): Promise<string> => answering(200, { date });
  const now = Date.parse("2026-01-01T12:00:00Z");
  const of = async (date: string): Promise<string> => {
    const { state, found } = checkClock([await checkSupernode(await at(date), { authorities: [] }, () => now)]);
    return `${state} ${found}`;
  };
  assert.equal(await of("Thu, 01 Jan 2026 12:00:02 GMT"), "ok as the supernode's");
  assert.match(await of("Thu, 01 Jan 2026 12:01:00 GMT"), /^warn this machine's is 61 s behind the supernode's$/);
  assert.match(await of("Thu, 01 Jan 2026 10:00:00 GMT"), /^fail this machine's is 7200 s ahead of the supernode's: /);
});

test("a host that joined over TLS is well with its certificate, until that ends", async () => {
  const cluster = await SecureCluster.start();
  closes.push(() => cluster.close());
  const supernodes = [`https://${cluster.address}`];
  const before = await look(await settings("not-joined", { supernodes }));
  assert.deepEqual(about(before, "identity"), [
    "fail this host has not joined a cluster, and the supernode speaks TLS",
  ]);
  assert.match(about(before, "supernode")[0] ?? "", /^fail .* has not joined: --token is needed\)$/);
  const withToken = await look(await settings("token", { supernodes, token: await cluster.token("read") }));
  assert.deepEqual(about(withToken, "supernode"), [`ok ${supernodes[0]} is ready, version ${packageVersion}`]);

  await cluster.daemon("joined");
  const joined = join(cluster.folder, "joined");
  const findings = await look(await settings("x", { dataDir: joined, socket: `${joined}.sock`, proxy: "off" }));
  assert.match(about(findings, "identity")[0] ?? "", /^ok the certificate is valid until \S+Z, for /);
  assert.deepEqual(about(findings, "supernode"), [`ok ${supernodes[0]} is ready`]);

  const { identity } = (await cluster.host()).credentials;
  const inDays = (days: number): string => {
    const { state, found } = checkIdentity(identity, true, Date.now() + days * 86_400_000);
    return `${state} ${found}`;
  };
  assert.match(inDays(0), /^ok /);
  assert.match(inDays(36_500), /^fail the certificate has expired at /);
  assert.match(inDays(-1), /^fail the certificate is valid from .* only$/);
  const { key } = (await cluster.host()).credentials.identity;
  assert.equal(checkIdentity({ ...identity, key }, true, Date.now()).state, "fail");
});

test("a data directory that cannot be written and a disk without room are faults", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  const [below] = await checkDisk({ dataDir: join(file, "data"), quotaBytes: 0 });
  assert.match(below?.found ?? "", /cannot be looked at \(ENOTDIR\)$/);
  const made = join(folder, "made");
  await mkdir(made);
  const [deep] = await checkDisk({ dataDir: join(made, "a", "b"), quotaBytes: 0 });
  assert.equal(deep?.found, `${join(made, "a", "b")} can be made`);
  if (process.getuid?.() !== 0) {
    await mkdir(join(folder, "sealed"), { mode: 0o500 });
    assert.equal((await checkDisk({ dataDir: join(folder, "sealed"), quotaBytes: 0 }))[0]?.state, "fail");
  }
  const GiB = 2 ** 30;
  assert.equal(roomFinding({ freeBytes: 50 * GiB, sizeBytes: 100 * GiB }, 0).state, "ok");
  assert.equal(roomFinding({ freeBytes: 50 * GiB, sizeBytes: 100 * GiB }, 200 * GiB).state, "warn");
  assert.equal(roomFinding({ freeBytes: GiB / 2, sizeBytes: 100 * GiB }, 0).state, "warn");
  assert.equal(roomFinding({ freeBytes: 1000, sizeBytes: 100 * GiB }, 0).state, "fail");
});
