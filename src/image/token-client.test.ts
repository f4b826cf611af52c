import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HttpDoor } from "../net/http-door.ts";
import { defaultRetry } from "../origin/retry.ts";
import { makeTestAuthority, missingOpenssl } from "../testing/test-authority.ts";
import { TestOrigin } from "../testing/test-origin.ts";
import { TokenService } from "../testing/token-service.ts";
import { TokenClient } from "./token-client.ts";

const skip = missingOpenssl();
const { signal } = new AbortController();
const scopes = ["repository:team/app:pull", "repository:other:pull"];
let service: TokenService;
let door: HttpDoor;
let client: TokenClient;

before(async () => {
  if (skip) return;
  door = new HttpDoor();
  client = new TokenClient(door, { ...defaultRetry, tries: 3, firstDelayMs: 1, maxRetryAfterMs: 5 });
  service = await TokenService.start({ ...makeTestAuthority(), passwords: { ada: "sesame" }, allows: () => true });
});
after(() => Promise.all([door?.close(), service?.close()]));

test("tokens for a password, an identity token and nobody", { skip }, async () => {
  const asked = { realm: service.realm, service: "s", scopes, trust: {} };
  const password = { kind: "password", username: "ada", password: "sesame" } as const;
  const identity = { kind: "identity", token: "ada:sesame" } as const;
  for (const [credentials, method, user] of [
    [password, "GET", "ada"],
    [identity, "POST", "ada"],
    [undefined, "GET", ""],
  ] as const) {
    const { token, forMs } = await client.fetch({ ...asked, credentials }, signal);
    assert.match(token, /^eyJ/);
    assert.equal(forMs, 300_000);
    assert.deepEqual(service.requests.at(-1), { method, user, scopes, status: 200 });
  }
});

test("what may pass is tried again, a refusal is final", { skip }, async () => {
  const asked = { realm: service.realm, scopes, trust: {} };
  service.faults.push({ status: 429, headers: { "retry-after": "1" } }, { status: 503 });
  await client.fetch(asked, signal);
  service.faults.push({ status: 500 }, { status: 502 }, { status: 503 });
  await assert.rejects(client.fetch(asked, signal), { code: "origin-refused", originStatus: 503 });
  const before = service.requests.length;
  const credentials = { kind: "password", username: "ada", password: "guess" } as const;
  await assert.rejects(client.fetch({ ...asked, credentials }, signal), (error: Error) => {
    return "originStatus" in error && error.originStatus === 401 && !error.message.includes("guess");
  });
  assert.equal(service.requests.length, before + 1);
});

test("answers without a token are the service's fault, and their text goes nowhere", { skip }, async () => {
  const origin = await TestOrigin.start();
  try {
    for (const text of ['{"token": "broken secret', '{"token": "two\\nlines"}', "[]", '{"expires_in": 5}']) {
      origin.answer = { content: Buffer.from(text) };
      await assert.rejects(client.fetch({ realm: origin.url("/t?a=1"), scopes, trust: {} }, signal), (error: Error) => {
        return "code" in error && error.code === "origin-refused" && !/secret|lines/.test(error.message);
      });
    }
    origin.answer = { content: Buffer.from('{"access_token": "abc"}') };
    const token = await client.fetch({ realm: origin.url("/t?a=1"), scopes: ["x"], trust: {} }, signal);
    assert.deepEqual(token, { token: "abc", forMs: 60_000 });
    assert.equal(origin.requests.at(-1)?.url, "/t?a=1&scope=x");
  } finally {
    await origin.close();
  }
});
