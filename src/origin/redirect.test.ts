import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { HttpDoor } from "../net/http-door.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { HttpOrigin } from "./http-origin.ts";

const content = testContent(50_000);
const never = new AbortController().signal;
const door = new HttpDoor();
after(() => door.close());

const credentials = {
  Authorization: "Bearer secret",
  Cookie: "session=secret",
  "X-Api-Key": "secret",
  "Accept-Language": "de",
};

async function open(origin: HttpOrigin, url: string) {
  const opened = await origin.open({ url, headers: credentials }, undefined, never);
  assert.ok(opened.kind === "content");
  await buffer(opened.body);
  return opened.info;
}

test("credentials stay with their host on every kind of redirect, and come along within it", async () => {
  const target = await TestOrigin.start({ host: "127.0.0.2", content });
  const first = await TestOrigin.start({ content });
  try {
    for (const status of [301, 302, 303, 307, 308]) {
      first.answer = { redirectTo: target.url(), status };
      await open(new HttpOrigin({ door }), first.url());
    }
    assert.equal(target.requests.length, 5);
    for (const { headers } of target.requests) {
      assert.deepEqual(
        [headers.authorization, headers.cookie, headers["x-api-key"]],
        [undefined, undefined, undefined],
      );
      assert.deepEqual([headers["accept-language"], headers.range], ["de", "bytes=0-4194303"]);
    }
    first.answer = { content };
    first.script = (_, seen) => (seen.url === "/old" ? { redirectTo: "/new?x=ü" } : undefined);
    await open(new HttpOrigin({ door }), first.url("/old"));
    const arrived = first.requests.at(-1);
    assert.deepEqual([arrived?.url, arrived?.headers.authorization], ["/new?x=%C3%BC", "Bearer secret"]);
  } finally {
    await Promise.all([first.close(), target.close()]);
  }
});

test("credentials that were dropped do not come back with the way back", async () => {
  const other = await TestOrigin.start({ host: "127.0.0.2" });
  const first = await TestOrigin.start({ content });
  try {
    other.answer = { redirectTo: first.url("/back") };
    first.script = (_, seen) => (seen.url === "/back" ? undefined : { redirectTo: other.url() });
    await open(new HttpOrigin({ door }), first.url());
    assert.equal(first.requests[1]?.headers.authorization, undefined);
  } finally {
    await Promise.all([first.close(), other.close()]);
  }
});

test("parts are read where the content was found last, until that place refuses", async () => {
  const target = await TestOrigin.start({ host: "127.0.0.2", content });
  const first = await TestOrigin.start({ content, redirectTo: target.url("/signed?sig=1") });
  const origin = new HttpOrigin({ door, firstReadBytes: 10_000 });
  const request = { url: first.url(), headers: credentials };
  try {
    const info = await open(origin, request.url);
    const part = async (): Promise<Buffer> => buffer(await origin.read(request, info, 10_000, 20_000, never));
    assert.deepEqual(await part(), content.subarray(10_000, 20_000));
    assert.deepEqual([first.requests.length, target.requests.length], [1, 2]);
    first.answer = { redirectTo: target.url("/signed?sig=2") };
    target.script = (_, seen) => (seen.url === "/signed?sig=2" ? undefined : { status: 403 });
    assert.deepEqual(await part(), content.subarray(10_000, 20_000));
    assert.deepEqual([first.requests.length, target.requests.length], [2, 4]);
    target.script = () => ({ status: 403 });
    await assert.rejects(part(), { code: "origin-refused", originStatus: 403 });
    const others = { url: request.url, headers: { authorization: "Bearer another" } };
    target.script = undefined;
    await buffer(await origin.read(others, info, 0, 10, never));
    assert.equal(first.requests.at(-1)?.headers.authorization, "Bearer another");
  } finally {
    await Promise.all([first.close(), target.close()]);
  }
});

test("circles and odd places end in a refusal", async () => {
  const first = await TestOrigin.start({ redirectTo: "/again" });
  try {
    const origin = new HttpOrigin({ door });
    await assert.rejects(open(origin, first.url()), { code: "origin-refused", message: /more than 10 times/ });
    assert.equal(first.requests.length, 11);
    first.answer = { redirectTo: "ftp://host/x" };
    await assert.rejects(open(origin, first.url()), { code: "origin-refused", message: /redirects to a ftp: URL/ });
  } finally {
    await first.close();
  }
});
