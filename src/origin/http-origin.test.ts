import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { HttpDoor } from "../net/http-door.ts";
import { makeTestCertificate, TestOrigin, type TestOriginOptions, testContent } from "../testing/test-origin.ts";
import { HttpOrigin } from "./http-origin.ts";
import type { Opened, OriginRequest } from "./origin.ts";
import { openWithRetry } from "./retry.ts";

const content = testContent(300_000);
const never = new AbortController().signal;
const door = new HttpDoor({ silenceTimeoutMs: 20_000 });
const origin = new HttpOrigin({ door, firstReadBytes: 100_000 });
const quick = { tries: 5, firstDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 5, random: Math.random };
after(() => door.close());

function opened(value: Opened): Extract<Opened, { kind: "content" }> {
  assert.equal(value.kind, "content");
  return value as Extract<Opened, { kind: "content" }>;
}

/** Runs against one server; `open` is unconditional and its body is read. */
async function against(
  options: TestOriginOptions,
  run: (server: TestOrigin, request: OriginRequest) => Promise<void>,
): Promise<void> {
  const server = await TestOrigin.start(options);
  try {
    await run(server, { url: server.url(), headers: {} });
  } finally {
    await server.close();
  }
}

test("one ranged request is both probe and first read", () =>
  against({ content }, async (server, request) => {
    const { info, body, bodyLength } = opened(await origin.open(request, undefined, never));
    assert.deepEqual([info.length, info.ranged, bodyLength], [300_000, true, 100_000]);
    assert.deepEqual(await buffer(body), content.subarray(0, 100_000));
    assert.equal(server.requests.length, 1);
    assert.equal(server.requests[0]?.headers["accept-encoding"], "identity");
    const rest = await origin.read(request, info, 100_000, null, never);
    assert.deepEqual(await buffer(rest), content.subarray(100_000));
    assert.equal(server.requests[1]?.headers["if-range"], info.etag);
    assert.equal(server.sentBytes, content.length);
  }));

test("one byte, and nothing at all", async () => {
  await against({ content: content.subarray(0, 1) }, async (_, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    assert.deepEqual([info.length, await buffer(body)], [1, content.subarray(0, 1)]);
  });
  await against({ content: new Uint8Array(0) }, async (server, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    assert.deepEqual([info.length, (await buffer(body)).length], [0, 0]);
    assert.deepEqual(
      server.requests.map((seen) => seen.status),
      [416, 200],
    );
    await assert.rejects(origin.open({ ...request, range: { first: 0, last: 9 } }, undefined, never), {
      code: "origin-refused",
      originStatus: 416,
    });
  });
});

test("a server without ranges gives one stream, of a known length or not", async () => {
  await against({ content, ranges: false }, async (server, request) => {
    const { info, body, bodyLength } = opened(await origin.open(request, undefined, never));
    assert.deepEqual([info.length, info.ranged, bodyLength], [300_000, false, null]);
    assert.deepEqual(await buffer(body), content);
    assert.deepEqual(await buffer(await origin.read(request, info, 1000, 2000, never)), content.subarray(1000, 2000));
    assert.equal(server.requests.length, 2);
  });
  await against({ content, ranges: false, chunked: true }, async (_, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    assert.equal(info.length, null);
    assert.deepEqual(await buffer(body), content);
  });
});

test("a range of the resource is the content, with and without the server's help", async () => {
  const range = { first: 1000, last: 200_999 };
  await against({ content }, async (server, request) => {
    const { info, body, bodyLength } = opened(await origin.open({ ...request, range }, undefined, never));
    assert.deepEqual([info.length, bodyLength], [200_000, 100_000]);
    const rest = await origin.read({ ...request, range }, info, 100_000, null, never);
    assert.deepEqual(Buffer.concat([await buffer(body), await buffer(rest)]), content.subarray(1000, 201_000));
    assert.equal(server.sentBytes, 200_000);
    const open = opened(await origin.open({ ...request, range: { first: 299_000, last: 999_999 } }, undefined, never));
    assert.equal(open.info.length, 1000);
    assert.equal((await buffer(open.body)).length, 1000);
  });
  for (const chunked of [false, true]) {
    await against({ content, ranges: false, chunked }, async (_, request) => {
      const { info, body } = opened(await origin.open({ ...request, range }, undefined, never));
      assert.equal(info.length, chunked ? null : 200_000);
      assert.deepEqual(await buffer(body), content.subarray(1000, 201_000));
      const tail = opened(await origin.open({ ...request, range: { first: 299_990, last: null } }, undefined, never));
      assert.deepEqual(await buffer(tail.body), content.subarray(299_990));
    });
  }
});

test("a range beyond the end is refused with 416, in words", async () => {
  const range = { first: 300_000, last: null };
  const message = /^the range from byte 300000 lies beyond the end of http:.*, which has 300000 bytes$/;
  for (const ranges of [true, false]) {
    await against({ content, ranges }, (_, request) =>
      assert.rejects(origin.open({ ...request, range }, undefined, never), {
        code: "origin-refused",
        originStatus: 416,
        message,
      }),
    );
  }
  await against({ content, ranges: false, chunked: true }, async (_, request) => {
    const { body } = opened(await origin.open({ ...request, range: { first: 300_001, last: null } }, undefined, never));
    await assert.rejects(buffer(body), { code: "origin-refused", originStatus: 416 });
  });
});

test("what is known already is not sent again, also by a weak etag", () =>
  against({ content, etag: 'W/"v1"' }, async (server, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    await buffer(body);
    assert.deepEqual(await origin.open(request, info, never), { kind: "unchanged" });
    assert.equal(server.requests[1]?.headers["if-none-match"], 'W/"v1"');
    const rest = await origin.read(request, info, 100_000, 200_000, never);
    assert.deepEqual(await buffer(rest), content.subarray(100_000, 200_000));
    assert.equal(server.requests[2]?.headers["if-range"], info.lastModified);
    server.answer = { content, etag: '"v2"' };
    opened(await origin.open(request, info, never)).body.destroy();
  }));

test("a server that finds the date too fresh for If-Range is asked without", () =>
  against({ content, etag: null }, async (server, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    await buffer(body);
    server.script = (_, seen) => (seen.headers["if-range"] === undefined ? undefined : { ranges: false });
    const part = await origin.read(request, info, 10, 20, never);
    assert.deepEqual(await buffer(part), content.subarray(10, 20));
  }));

test("a part of another version is refused", () =>
  against({ content }, async (server, request) => {
    const { info, body } = opened(await origin.open(request, undefined, never));
    await buffer(body);
    const read = (): Promise<unknown> => origin.read(request, info, 200_000, 300_000, never);
    const changes = [
      { content, etag: '"other"' },
      { content: testContent(300_000, 7) },
      { content: content.subarray(0, 250_000), etag: info.etag ?? null },
      { content: content.subarray(0, 100), etag: info.etag ?? null },
      { content: testContent(300_000, 7), ranges: false },
    ];
    for (const change of changes) {
      server.answer = change;
      await assert.rejects(read(), { code: "origin-changed" });
    }
    server.answer = { content, headers: { "content-range": "bytes 0-9/300000" } };
    server.script = () => ({ content, ranges: false, status: 206, etag: info.etag ?? null });
    await assert.rejects(read(), { code: "origin-truncated" });
  }));

test("an origin that codes without being asked to gives its coded bytes", () =>
  against({ content, headers: { "content-encoding": "gzip" } }, async (_, request) => {
    const { body } = opened(
      await origin.open({ ...request, headers: { "Accept-Encoding": "gzip" } }, undefined, never),
    );
    assert.deepEqual(await buffer(body), content.subarray(0, 100_000));
  }));

test("names with spaces, umlauts and queries arrive encoded", () =>
  against({ content }, async (server) => {
    const url = server.url("/gr\u00fc\u00dfe aus/d\u00fcsseldorf.bin?q=a b&r=%2F");
    opened(await origin.open({ url, headers: {} }, undefined, never)).body.destroy();
    assert.equal(server.requests[0]?.url, "/gr%C3%BC%C3%9Fe%20aus/d%C3%BCsseldorf.bin?q=a%20b&r=%2F");
  }));

test("a refusal names the status, whom to blame and never a credential", () =>
  against({ content, status: 404 }, async (server) => {
    const url = server.url("/x?sig=secret").replace("http://", "http://user:secret@");
    const request = { url, headers: { authorization: "Bearer secret" } };
    await assert.rejects(origin.open(request, undefined, never), {
      code: "origin-refused",
      blame: "origin",
      originStatus: 404,
      message: `the origin answered 404 Not Found for http://127.0.0.1:${server.port}/x?sig=***`,
    });
    server.answer = { requires: ["authorization", "Basic x"] };
    await assert.rejects(origin.open(request, undefined, never), { originStatus: 401, message: /pass them with -H/ });
    assert.equal(server.requests.length, 2);
  }));

test("what cannot be reached is told apart", async () => {
  const open = (url: string): Promise<Opened> => origin.open({ url, headers: {} }, undefined, never);
  const server = await TestOrigin.start();
  const gone = server.url();
  await server.close();
  await assert.rejects(open(gone), { code: "origin-unreachable", message: /connection refused/ });
  await assert.rejects(open("ftp://host/x"), { code: "unsupported-scheme", message: /supported are http/ });
  await assert.rejects(open("not a url"), { code: "bad-usage" });
  const bad = { url: "http://127.0.0.1/", headers: { "x-a": "b\nc" } };
  await assert.rejects(origin.open(bad, undefined, never), { code: "bad-usage", message: /invalid x-a header/ });
  const abort = new AbortController();
  await against({ stallAfterBytes: -1, script: () => void abort.abort() }, (_, request) =>
    assert.rejects(origin.open(request, undefined, abort.signal), { code: "interrupted" }),
  );
});

test("a certificate is trusted by --cacert, or not at all", async (context) => {
  const certificate = makeTestCertificate();
  if (certificate === undefined) return context.skip("openssl is not installed");
  await against({ content, tls: certificate }, async (_, request) => {
    await assert.rejects(origin.open(request, undefined, never), {
      code: "origin-untrusted",
      message: /--cacert FILE or, at your own risk, --insecure-origin/,
    });
    for (const trust of [{ ca: certificate.cert }, { insecure: true }]) {
      opened(await origin.open({ ...request, ...trust }, undefined, never)).body.destroy();
    }
    await assert.rejects(origin.open(request, undefined, never), { code: "origin-untrusted" });
  });
});

test("opening is tried again after 500 and 429, within bounds, and not after 404", async () => {
  const answers = [{ status: 500 }, { status: 429 }];
  await against(
    { content, headers: { "retry-after": "3600" }, script: (nth) => answers[nth] },
    async (server, request) => {
      const delays: number[] = [];
      const onRetry = (_: unknown, delayMs: number): void => void delays.push(delayMs);
      opened(await openWithRetry(origin, request, { signal: never, retry: quick, onRetry })).body.destroy();
      assert.equal(server.requests.length, 3);
      assert.deepEqual(delays, [5, 5]);
    },
  );
  await against({ status: 503 }, async (server, request) => {
    await assert.rejects(openWithRetry(origin, request, { signal: never, retry: quick }), { originStatus: 503 });
    assert.equal(server.requests.length, 5);
  });
  await against({ status: 429, headers: { "retry-after": "3600" } }, async (server, request) => {
    await assert.rejects(openWithRetry(origin, request, { signal: never }), {
      originStatus: 429,
      retryAfterMs: 3_600_000,
    });
    assert.equal(server.requests.length, 1);
  });
  await against({ status: 404 }, async (server, request) => {
    await assert.rejects(openWithRetry(origin, request, { signal: never, retry: quick }), { originStatus: 404 });
    assert.equal(server.requests.length, 1);
  });
});
