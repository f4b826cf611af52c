// HTTPS of listed hosts through a daemon, as its clients see it.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import { Daemon } from "../daemon/daemon.ts";
import { type DoorRequest, HttpDoor } from "../net/http-door.ts";
import { parseDaemonOptions } from "../runtime/config.ts";
import { makeTestCertificate, TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(600_001);
const tls = makeTestCertificate();
let directory: string;
let origin: TestOrigin;
let daemon: Daemon;
let door: HttpDoor;
let ca: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "interception-"));
  origin = await TestOrigin.start({ content });
  const to = { scheme: "http", host: `127.0.0.1:${origin.port}` } as const;
  daemon = await Daemon.start(
    parseDaemonOptions({
      ...{ listen: "127.0.0.1:0", proxy: "127.0.0.1:0", socket: join(directory, "s"), dataDir: directory },
      intercept: ["files.test", "*.below.test", "127.0.0.1:4443", "[::1]"],
      proxyRules: [
        { match: "^https://[^/]*/refused", use: "refuse" },
        { match: "^https://tunnelled\\.test(?::\\d+)?/", use: "refuse" },
        { match: "^https://files\\.test/direct/", use: "direct", rewrite: to },
        { match: "^https://(?:.*\\.below|files)\\.test/", use: "swarm", rewrite: to },
        { match: "^https://(?:127\\.0\\.0\\.1:4443|\\[::1])/", use: "swarm", rewrite: to },
      ],
    }),
  );
  door = new HttpDoor({ environment: { https_proxy: daemon.proxyUrl ?? "" } });
  ca = await readFile(join(directory, "ca", "cert.pem"), "utf8");
});
after(async () => {
  await door.close();
  await daemon.close();
  await origin.close();
  await rm(directory, { recursive: true });
});

async function ask(url: string, request: DoorRequest = {}) {
  const answer = await door.request(url, { trust: { ca }, ...request });
  return { status: answer.status, headers: answer.headers, body: await buffer(answer.body) };
}

/** A tunnel to `target`, as the proxy opens it. */
async function tunnel(target: string): Promise<Socket> {
  const socket = connect(Number(new URL(daemon.proxyUrl ?? "").port), "127.0.0.1");
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  const [answer] = await once(socket, "data");
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  return socket;
}

/** What is answered inside to these bytes. */
async function inside(target: string, bytes: string, options: ConnectionOptions = {}): Promise<string> {
  const secure = await handshake(target, options);
  secure.write(bytes);
  return text(secure);
}

async function handshake(target: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const secure = tlsConnect({ socket: await tunnel(target), servername: target.replace(/:\d+$/, ""), ca, ...options });
  await once(secure, "secureConnect");
  return secure;
}

test("what is asked for inside goes by the rules, and from the swarm", async () => {
  for (const url of ["https://files.test/a?b=c", "https://x.y.below.test/a?b=c", "https://127.0.0.1:4443/a?b=c"]) {
    const { status, headers, body } = await ask(url);
    assert.deepEqual([status, headers["accept-ranges"], body.equals(content)], [200, "bytes", true], url);
    assert.match(String(headers.via), /dragonfly-/);
  }
  assert.equal(origin.sentBytes, content.length);
  assert.equal((await ask("https://files.test/refused")).status, 403);
  const pushed = await ask("https://files.test/direct/x", { method: "POST", body: "y" });
  assert.deepEqual([pushed.status, origin.requests.at(-1)?.method], [200, "POST"]);
  assert.equal((await ask("https://files.test/direct/x", { method: "OPTIONS" })).status, 200);
  assert.equal(origin.requests.at(-1)?.method, "OPTIONS");
});

test("a connection is kept for many requests", async () => {
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: files.test\r\nRange: bytes=0-3\r\n`;
  const answers = await inside("files.test:443", `${get("/a")}\r\n${get("/b")}Connection: close\r\n\r\n`);
  assert.equal(answers.match(/HTTP\/1\.1 206 /g)?.length, 2);
});

test("the certificate names the host alone, lives for days, and speaks HTTP/1.1", async () => {
  const secure = await handshake("files.test:443", { ALPNProtocols: ["h2", "http/1.1"] });
  const leaf = new X509Certificate(secure.getPeerCertificate(true).raw);
  assert.equal(secure.alpnProtocol, "http/1.1");
  secure.destroy();
  assert.equal(leaf.subjectAltName, "DNS:files.test");
  assert.ok(leaf.checkIssued(new X509Certificate(ca)));
  assert.ok(!leaf.ca);
  const days = (Date.parse(leaf.validTo) - Date.now()) / 86_400_000;
  assert.ok(days > 1 && days < 7, `${days} days`);
});

test("the authority's key is its owner's alone", async () => {
  assert.equal((await stat(join(directory, "ca", "key.pem"))).mode & 0o777, 0o600);
});

test("who names another host inside is turned away", async () => {
  await assert.rejects(handshake("files.test:443", { servername: "other.test" }));
  const host = "GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n";
  assert.match(await inside("files.test:443", host), /^HTTP\/1\.1 421 /);
  const target = "GET https://other.test/ HTTP/1.1\r\nHost: files.test\r\nConnection: close\r\n\r\n";
  assert.match(await inside("files.test:443", target), /^HTTP\/1\.1 421 /);
});

test("hosts that are not listed, and other ports of those that are, stay blind tunnels", async () => {
  for (const host of ["other.test", "below.test", "xfiles.test"]) {
    const socket = connect(Number(new URL(daemon.proxyUrl ?? "").port), "127.0.0.1");
    socket.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    // Nobody answers for the name: the proxy tried it itself.
    assert.match(await text(socket), /^HTTP\/1\.1 502 /, host);
  }
  const plain = await tunnel(`127.0.0.1:${origin.port}`);
  plain.end("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(await text(plain), /^HTTP\/1\.1 200 /);
});

test("a rule that refuses a whole host refuses its tunnels", async () => {
  const socket = connect(Number(new URL(daemon.proxyUrl ?? "").port), "127.0.0.1");
  socket.write("CONNECT tunnelled.test:8443 HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await text(socket), /^HTTP\/1\.1 403 /);
});

test("the server behind is verified, and nobody is asked to believe in its place", {
  skip: tls === undefined && "openssl is not installed",
}, async () => {
  const secure = await TestOrigin.start({ content, ...(tls === undefined ? {} : { tls }) });
  const name = join(directory, "other");
  const other = await Daemon.start(
    parseDaemonOptions({
      ...{ listen: "127.0.0.1:0", proxy: "127.0.0.1:0", socket: `${name}.sock`, dataDir: name },
      intercept: `127.0.0.1:${secure.port}`,
      proxyRules: [{ match: "/swarm$", use: "swarm" }],
    }),
  );
  const through = new HttpDoor({ environment: { https_proxy: other.proxyUrl ?? "" } });
  try {
    const trust = { ca: await readFile(join(name, "ca", "cert.pem"), "utf8") };
    for (const path of ["/direct", "/swarm"]) {
      const { status, body } = await through.request(secure.url(path), { trust });
      assert.deepEqual([status, JSON.parse(await text(body)).code], [502, "origin-untrusted"]);
    }
    assert.equal(secure.requests.length, 0);
  } finally {
    await through.close();
    await other.close();
    await secure.close();
  }
});

test("a daemon refuses to start with hosts that its authority may not vouch for", async () => {
  const options = { listen: "127.0.0.1:0", proxy: "127.0.0.1:0", socket: join(directory, "t") };
  const dataDir = join(directory, "third");
  const start = (intercept: string): Promise<Daemon> =>
    Daemon.start(parseDaemonOptions({ ...options, dataDir, intercept }));
  await (await start("a.test")).close();
  await (await start("x.a.test")).close();
  await assert.rejects(start("b.test"), { code: "bad-config", message: /may not vouch for b\.test/ });
});
