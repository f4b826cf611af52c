import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { Daemon } from "../daemon/daemon.ts";
import { HttpDoor } from "../net/http-door.ts";
import { parseDaemonOptions } from "../runtime/config.ts";
import { makeTestCertificate, TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(2_000_003);
const tls = makeTestCertificate();
let directory: string;
let origin: TestOrigin;
let daemon: Daemon;
/** Goes through the daemon. */
let door: HttpDoor;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "proxy-"));
  origin = await TestOrigin.start({ content });
  const options = { listen: "127.0.0.1:0", proxy: "127.0.0.1:0", socket: join(directory, "s"), dataDir: directory };
  daemon = await Daemon.start(parseDaemonOptions(options));
  const proxy = daemon.proxyUrl ?? "";
  door = new HttpDoor({ environment: { http_proxy: proxy, https_proxy: proxy } });
});
after(async () => {
  await door.close();
  await daemon.close();
  await origin.close();
  await rm(directory, { recursive: true });
});

/** What is answered to these bytes, until the connection ends. */
async function raw(request: string): Promise<string> {
  const socket = connect(Number(new URL(daemon.proxyUrl ?? "").port), "127.0.0.1");
  socket.write(request);
  return text(socket);
}

test("a request for a whole URL is passed on, and the answer comes as it is", async () => {
  const headers = { authorization: "Basic eDp5", range: "bytes=0-99" };
  const { status, headers: answered, body } = await door.request(origin.url("/a?b=c"), { headers });
  assert.deepEqual([status, await buffer(body)], [206, Buffer.from(content.subarray(0, 100))]);
  assert.equal(answered["content-range"], `bytes 0-99/${content.length}`);
  const seen = origin.requests.at(-1);
  assert.deepEqual([seen?.url, seen?.headers.authorization], ["/a?b=c", headers.authorization]);
  assert.match(String(seen?.headers.via), /^1\.1 dragonfly-[0-9a-f]{8}$/);
});

test("CONNECT is a tunnel that nobody looks into", {
  skip: tls === undefined && "openssl is not installed",
}, async () => {
  const secure = await TestOrigin.start({ content, ...(tls === undefined ? {} : { tls }) });
  try {
    const { status, body } = await door.request(secure.url("/secret"), { trust: { ca: tls?.cert } });
    assert.deepEqual([status, await buffer(body)], [200, Buffer.from(content)]);
    assert.equal(secure.requests.at(-1)?.headers.via, undefined);
  } finally {
    await secure.close();
  }
});

test("what cannot be reached is 502, what makes no sense 400", async () => {
  const away = await door.request("http://127.0.0.1:1/x");
  assert.equal(away.status, 502);
  assert.match(await text(away.body), /origin-unreachable/);
  assert.match(await raw("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 502 /);
  assert.match(await raw("CONNECT 127.0.0.1:99999 HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw("CONNECT nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 400 /);
});

test("what may not be fetched is neither passed on nor tunnelled to", async () => {
  const never = ["169.254.169.254", "2852039166", "0xa9.0xfea9fe", "[::ffff:169.254.169.254]", "[fe80::1]"];
  for (const host of never) {
    const tunnel = await raw(`CONNECT ${host}:80 HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match(tunnel, /^HTTP\/1\.1 403 /, host);
    const { status, body } = await door.request(`http://${host}/latest/meta-data/`);
    assert.deepEqual([status, JSON.parse(await text(body)).code], [403, "rule-refused"], host);
  }
});

test("a request that comes back is not passed on again", async () => {
  const { body } = await door.request(origin.url("/via"));
  await body.resume();
  const via = String(origin.requests.at(-1)?.headers.via);
  assert.equal((await door.request(origin.url("/loop"), { headers: { via } })).status, 400);
  assert.equal(origin.requests.at(-1)?.url, "/via");
});

test("a daemon that leaves closes its tunnels", async () => {
  const name = join(directory, "other");
  const options = { listen: "127.0.0.1:0", proxy: "127.0.0.1:0", socket: `${name}.sock`, dataDir: name };
  const other = await Daemon.start(parseDaemonOptions(options));
  const socket = connect(Number(new URL(other.proxyUrl ?? "").port), "127.0.0.1");
  socket.write(`CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [answer] = await once(socket, "data");
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  const closed = once(socket, "close");
  socket.on("error", () => {});
  await other.close();
  await closed;
});
