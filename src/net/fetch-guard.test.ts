// Attempts to reach through the door what must not be reached, with names that resolve to whatever the test says.

import assert from "node:assert/strict";
import type { LookupAddress, LookupOptions, lookup } from "node:dns";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { HttpOrigin } from "../origin/http-origin.ts";
import { fetchRules } from "../runtime/fetch-rule.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { FetchGuard } from "./fetch-guard.ts";
import { HttpDoor } from "./http-door.ts";

const content = testContent(1000);
const signal = new AbortController().signal;

/** A door, an origin on loopback, and the addresses that names have. */
async function stage(t: TestContext, rules: readonly string[], loopback = true) {
  const names = new Map<string, readonly string[]>();
  const resolve = ((name: string, _options: LookupOptions, done: (error: null, found: LookupAddress[]) => void) => {
    const family = (address: string): number => (address.includes(":") ? 6 : 4);
    done(
      null,
      (names.get(name) ?? []).map((address) => ({ address, family: family(address) })),
    );
  }) as unknown as typeof lookup;
  const door = new HttpDoor({ guard: new FetchGuard({ rules: fetchRules.parse(rules), loopback, resolve }) });
  const origin = await TestOrigin.start({ content });
  t.after(() => Promise.all([door.close(), origin.close()]));
  const port = new URL(origin.url()).port;
  const get = async (url: string): Promise<number> => {
    const { status, body } = await door.request(url);
    await buffer(body);
    return status;
  };
  return { door, origin, names, get, urlOf: (name: string) => `http://${name}:${port}/a` };
}

const refused = { code: "rule-refused", blame: "caller" };

test("a name is refused by the address that it has when it is dialled", async (t) => {
  const { origin, names, get, urlOf } = await stage(t, []);
  names.set("rebound.example", ["127.0.0.1"]);
  assert.equal(await get(urlOf("rebound.example")), 200);
  await origin.close();
  names.set("rebound.example", ["169.254.169.254"]);
  await assert.rejects(get("http://rebound.example/latest/meta-data/"), refused);
  for (const address of ["::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"]) {
    names.set("meta.example", [address]);
    await assert.rejects(get("http://meta.example/"), refused, address);
  }
});

test("of several addresses only those are dialled that may be", async (t) => {
  const { names, get, urlOf } = await stage(t, ["deny 127.0.0.2"]);
  names.set("several.example", ["169.254.169.254", "127.0.0.2", "127.0.0.1"]);
  assert.equal(await get(urlOf("several.example")), 200);
});

test("what listens on this machine is not for those who ask from others", async (t) => {
  const { origin, names, get, urlOf } = await stage(t, [], false);
  for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"])
    await assert.rejects(get(urlOf(host)), refused, host);
  names.set("mine.example", ["127.0.0.1", "::1"]);
  await assert.rejects(get(urlOf("mine.example")), refused);
  await assert.rejects(get(urlOf("localhost")), { message: /localhost/ });
  assert.equal(origin.requests.length, 0);
});

test("each redirect is judged like the first request", async (t) => {
  const { door, origin, names, urlOf } = await stage(t, ["deny secret.example"]);
  const reader = new HttpOrigin({ door });
  names.set("meta.example", ["169.254.169.254"]);
  const targets = [
    "http://169.254.169.254/latest/",
    "http://2852039166/",
    "http://meta.example/",
    "http://secret.example/",
  ];
  for (const redirectTo of targets) {
    origin.answer = { redirectTo };
    const opening = reader.open({ url: urlOf("127.0.0.1"), headers: {} }, undefined, signal);
    await assert.rejects(opening, refused, redirectTo);
  }
  origin.answer = { redirectTo: "file:///etc/passwd" };
  const opening = reader.open({ url: urlOf("127.0.0.1"), headers: {} }, undefined, signal);
  await assert.rejects(opening, { code: "origin-refused" });
});

test("behind a proxy the name and the address in the URL are judged", async (t) => {
  const { origin } = await stage(t, []);
  const guard = new FetchGuard({ rules: fetchRules.parse("deny secret.example"), loopback: false });
  const door = new HttpDoor({ environment: { http_proxy: new URL(origin.url()).origin }, guard });
  t.after(() => door.close());
  const { status, body } = await door.request("http://files.example/");
  body.destroy();
  assert.equal(status, 200);
  await assert.rejects(door.request("http://secret.example/"), refused);
  await assert.rejects(door.request("http://169.254.169.254/"), refused);
});
