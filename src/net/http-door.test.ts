import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { makeTestCertificate, TestOrigin, testContent } from "../testing/test-origin.ts";
import { HttpDoor } from "./http-door.ts";

const content = testContent(100_000);
const certificate = makeTestCertificate();
const skip = certificate === undefined ? "openssl is not installed" : false;

async function startProxy(): Promise<{ url: string; seen: string[]; close: () => Promise<void> }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const onward = httpRequest(request.url ?? "", { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.on("connect", (request, socket, head) => {
    seen.push(`CONNECT ${request.url}`);
    const [host = "", port = ""] = (request.url ?? "").split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    const end = (): void => {
      onward.destroy();
      socket.destroy();
    };
    onward.on("error", end);
    socket.on("error", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url, seen, close };
}

test("bytes arrive as they were sent and redirects are left to the caller", async () => {
  const origin = await TestOrigin.start({
    content,
    redirectTo: "http://127.0.0.1:1/",
    script: (nth) => (nth ? { content } : undefined),
  });
  const door = new HttpDoor();
  try {
    const moved = await door.request(origin.url());
    assert.deepEqual([moved.status, moved.headers.location], [302, "http://127.0.0.1:1/"]);
    moved.body.destroy();
    origin.answer = { content, headers: { "content-encoding": "gzip" } };
    const coded = await door.request(origin.url("/a%20b?x=1"), { headers: { "X-Mine": "1" } });
    assert.deepEqual(await buffer(coded.body), content);
    assert.equal(origin.requests[1]?.url, "/a%20b?x=1");
    assert.equal(origin.requests[1]?.headers["x-mine"], "1");
  } finally {
    await door.close();
    await origin.close();
  }
});

test("one requester's trust is not another's", { skip }, async () => {
  assert.ok(certificate !== undefined);
  const origin = await TestOrigin.start({ content, tls: certificate });
  const door = new HttpDoor({ maxPools: 2 });
  const status = async (trust: { ca?: string; insecure?: boolean }): Promise<number> => {
    const response = await door.request(origin.url(), { trust });
    await buffer(response.body);
    return response.status;
  };
  try {
    await assert.rejects(status({}), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    assert.equal(await status({ insecure: true }), 200);
    await assert.rejects(status({}), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    assert.equal(await status({ ca: certificate.cert }), 200);
    await assert.rejects(status({}), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  } finally {
    await door.close();
    await origin.close();
  }
});

test("a proxy gets plain requests in absolute form and tunnels for TLS", { skip }, async () => {
  assert.ok(certificate !== undefined);
  const plain = await TestOrigin.start({ content });
  const secure = await TestOrigin.start({ content, tls: certificate });
  const proxy = await startProxy();
  const door = new HttpDoor({ environment: { HTTP_PROXY: proxy.url, https_proxy: proxy.url } });
  const direct = new HttpDoor({ environment: { all_proxy: proxy.url, no_proxy: "127.0.0.0/8" } });
  try {
    for (const url of [plain.url(), secure.url()]) {
      const response = await door.request(url, { trust: { ca: certificate.cert } });
      assert.deepEqual(await buffer(response.body), content);
    }
    assert.deepEqual(proxy.seen, [`GET ${plain.url()}`, `CONNECT 127.0.0.1:${secure.port}`]);
    await assert.rejects(door.request(secure.url()), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    const response = await direct.request(plain.url());
    await buffer(response.body);
    assert.equal(proxy.seen.length, 3);
  } finally {
    await Promise.all([door.close(), direct.close()]);
    await Promise.all([plain.close(), secure.close(), proxy.close()]);
  }
});

test("closing breaks off what runs, and a signal ends one request", async () => {
  const origin = await TestOrigin.start({ content, stallAfterBytes: 1000 });
  const door = new HttpDoor();
  try {
    const abort = new AbortController();
    const one = await door.request(origin.url(), { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(buffer(one.body), /enough/);
    const other = await door.request(origin.url());
    const read = assert.rejects(buffer(other.body));
    await door.close();
    await read;
    await assert.rejects(door.request(origin.url()), /closed/);
  } finally {
    await origin.close();
  }
});
