import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { HttpDoor } from "../net/http-door.ts";
import { LoginAccess } from "./registry-access.ts";

interface Rules {
  readonly challenge: (origin: string) => string;
  /** What the token service answers, by how often it was asked. */
  readonly token?: (nth: number, request: IncomingMessage) => { readonly status: number; readonly body: string };
  readonly accepts: (authorization: string | undefined) => boolean;
}

/** A registry and its token service in one, which remember what they were asked. */
async function stage(t: TestContext, rules: Rules) {
  const asked: string[] = [];
  let tokens = 0;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
    if (request.url?.startsWith("/token") === true) {
      const { status, body } = rules.token?.(tokens++, request) ?? { status: 404, body: "" };
      return response.writeHead(status).end(body);
    }
    if (rules.accepts(request.headers.authorization)) return response.writeHead(200).end("content");
    return response.writeHead(401, { "www-authenticate": rules.challenge(origin) }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const door = new HttpDoor();
  t.after(async () => {
    await door.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `${origin}/v2/team/app/manifests/1`;
  return { asked, door, origin, url, signal: AbortSignal.timeout(20_000) };
}

const bearer = (origin: string): string => `Bearer realm="${origin}/token",service="shelf"`;
const basic = `Basic ${Buffer.from("ada:sesame").toString("base64")}`;
const login = { username: "ada", password: "sesame" };

function issue(term?: number) {
  return (nth: number) => ({ status: 200, body: JSON.stringify({ token: `t${nth}`, expires_in: term }) });
}

test("nobody in particular gets a token, and asks once for many requests at the same moment", async (t) => {
  const { asked, door, url, signal } = await stage(t, {
    challenge: bearer,
    token: issue(300),
    accepts: (authorization) => authorization === "Bearer t0",
  });
  const access = new LoginAccess(door, undefined);
  assert.equal(await access.authorization(url, signal), undefined);
  assert.equal((await access.request(url, { method: "HEAD", signal })).status, 200);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => access.authorization(url, signal)));
  assert.deepEqual([...new Set(tokens)], ["Bearer t0"]);
  const scope = encodeURIComponent("repository:team/app:pull");
  assert.deepEqual(asked, [
    "HEAD /v2/team/app/manifests/1 -",
    `GET /token?service=shelf&scope=${scope} -`,
    "HEAD /v2/team/app/manifests/1 Bearer t0",
  ]);
});

test("a token is renewed before it expires, and when the registry refuses it", async (t) => {
  const { asked, door, url, signal } = await stage(t, {
    challenge: (origin) => `${bearer(origin)},scope="repository:team/app:pull"`,
    token: issue(100),
    accepts: (authorization) => authorization?.startsWith("Bearer t") === true,
  });
  let now = 0;
  const access = new LoginAccess(door, login, () => now);
  (await access.request(url, { method: "HEAD", signal })).body.destroy();
  now = 74_000;
  assert.equal(await access.authorization(url, signal), "Bearer t0");
  now = 76_000;
  const renewed = await Promise.all([access.authorization(url, signal), access.authorization(url, signal)]);
  assert.deepEqual(renewed, ["Bearer t1", "Bearer t1"]);
  access.expire(url);
  assert.equal(await access.authorization(url, signal), "Bearer t2");
  const toService = asked.filter((one) => one.includes("/token"));
  assert.equal(toService.length, 3);
  assert.ok(
    toService.every((one) => one.endsWith(basic)),
    "the password goes to the token service",
  );
  assert.ok(
    asked.filter((one) => !one.includes("/token")).every((one) => !one.includes(basic)),
    "and not to others",
  );
});

test("a registry without tokens is told user and password", async (t) => {
  const { door, url, signal } = await stage(t, {
    challenge: () => 'Basic realm="members"',
    accepts: (authorization) => authorization === basic,
  });
  const access = new LoginAccess(door, login);
  assert.equal((await access.request(url, { method: "HEAD", signal })).status, 200);
  assert.equal(await access.authorization(url, signal), basic);
  const stranger = new LoginAccess(door, undefined);
  assert.equal((await stranger.request(url, { method: "HEAD", signal })).status, 401);
});

test("a login that the token service refuses is the origin's refusal, without a secret in it", async (t) => {
  const { door, url, signal } = await stage(t, {
    challenge: bearer,
    token: () => ({ status: 401, body: "" }),
    accepts: () => false,
  });
  await assert.rejects(new LoginAccess(door, login).request(url, { method: "HEAD", signal }), (error: Error) => {
    assert.match(error.message, /the origin answered 401 .* for http:\S+\/token/);
    assert.doesNotMatch(`${error.message}${error.stack}`, /sesame/);
    assert.ok(!error.message.includes(basic));
    return true;
  });
});

test("what is no token is not used", async (t) => {
  for (const body of ["", "[]", "{}", '{"token":7}', '{"token":"a\\r\\nb: c"}', `{"token":"${"x".repeat(2 ** 20)}"}`]) {
    const { door, url, signal } = await stage(t, {
      challenge: bearer,
      token: () => ({ status: 200, body }),
      accepts: () => false,
    });
    const asking = new LoginAccess(door, login).request(url, { method: "HEAD", signal });
    await assert.rejects(asking, /sent no token/, body.slice(0, 40));
  }
});

test("a password is sent to no strange place", async (t) => {
  for (const realm of ["", "ftp://h/token", "file:///etc/passwd", "token"]) {
    const { asked, door, url, signal } = await stage(t, {
      challenge: () => `Bearer realm="${realm}"`,
      accepts: () => false,
    });
    const asking = new LoginAccess(door, login).request(url, { method: "HEAD", signal });
    await assert.rejects(asking, /names no token service/, realm);
    assert.ok(asked.every((one) => one.endsWith(" -")));
  }
});
