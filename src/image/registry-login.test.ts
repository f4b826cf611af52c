import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { HttpDoor } from "../net/http-door.ts";
import { defaultRetry } from "../origin/retry.ts";
import { type Log, silentLog } from "../runtime/log.ts";
import { TestOrigin } from "../testing/test-origin.ts";
import { Registries, type Registry } from "./registries.ts";
import { basicAuthorization, type Credentials } from "./registry-credentials.ts";
import { nobodysToken, RegistryLogin } from "./registry-login.ts";
import { RegistrySchemes } from "./registry-scheme.ts";
import { TokenCache } from "./token-cache.ts";
import { TokenClient } from "./token-client.ts";

const { signal } = new AbortController();
const scopes = ["repository:team/app:pull"];
const ada: Credentials = { kind: "password", username: "ada", password: "sesame" };
const basic = basicAuthorization("ada", "sesame");
let folder: string;
let door: HttpDoor;
/** A registry and its token service, which gives everybody the token that names his Authorization. */
let origin: TestOrigin;
let challenge: string | undefined;
let tokenStatus: number;
let warned: string[];
const log: Log = { ...silentLog, warn: (message) => warned.push(message) };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "login-"));
  await writeFile(join(folder, "password"), "sesame");
  door = new HttpDoor();
  origin = await TestOrigin.start({
    script: (_nth, { url, headers }) => {
      if (url === "/v2/") {
        return challenge === undefined ? {} : { status: 401, headers: { "www-authenticate": challenge } };
      }
      const token = Buffer.from(headers.authorization ?? "nobody").toString("base64url");
      return tokenStatus === 200 ? { content: Buffer.from(JSON.stringify({ token })) } : { status: tokenStatus };
    },
  });
});
beforeEach(() => {
  challenge = `Bearer realm="${origin.url("/token")}",service="r"`;
  tokenStatus = 200;
  warned = [];
});
after(async () => {
  await Promise.all([door.close(), origin.close()]);
  await rm(folder, { recursive: true });
});

async function rig(configured: boolean): Promise<{ readonly login: RegistryLogin; readonly registry: Registry }> {
  const login = { kind: "password", username: "ada", passwordFile: join(folder, "password") } as const;
  const entry = { host: "r.test", url: origin.url(""), insecure: false, ...(configured ? { login } : {}) };
  const registries = await Registries.load({ registries: [entry], log });
  const client = new TokenClient(door, { ...defaultRetry, tries: 2, firstDelayMs: 1 });
  const tokens = new TokenCache({ fetch: (request, wish) => client.fetch(request, wish.signal) });
  const schemes = new RegistrySchemes(door);
  return { login: new RegistryLogin({ schemes, tokens, log }), registry: registries.find("r.test") };
}

const tokenOf = (who: string): string => `Bearer ${Buffer.from(who).toString("base64url")}`;

async function authorizationFor(configured: boolean, authorization?: string): Promise<[string | undefined, unknown]> {
  const { login, registry } = await rig(configured);
  const claim = await login.claim({ registry, scopes, authorization, mayLogIn: true });
  return [await claim.authorization(signal), claim.rights];
}

test("an engine that says nothing is logged in, with the configured credentials or as nobody", async () => {
  const [own, rights] = await authorizationFor(true);
  assert.equal(own, tokenOf(basic));
  assert.match(String(rights), /^[0-9a-f]{64}$/);
  assert.deepEqual(await authorizationFor(false), [tokenOf("nobody"), ""]);
  assert.deepEqual(await authorizationFor(false, `Bearer ${nobodysToken}`), [tokenOf("nobody"), ""]);
  challenge = 'Basic realm="members"';
  assert.deepEqual(await authorizationFor(true), [basic, rights]);
  assert.deepEqual(await authorizationFor(false), [undefined, ""]);
  challenge = undefined;
  assert.deepEqual(await authorizationFor(true), [undefined, rights]);
});

test("what an engine says of itself goes on as it is, and is never made up for", async () => {
  const before = origin.requests.length;
  for (const said of ["Bearer foreign", basic, "Negotiate x"]) {
    assert.deepEqual(await authorizationFor(true, said), [said, undefined]);
  }
  const { login, registry } = await rig(true);
  const push = await login.claim({ registry, scopes, authorization: undefined, mayLogIn: false });
  assert.equal(await push.authorization(signal), undefined);
  assert.equal(origin.requests.length, before);
});

test("a token that was given to an engine here stands for its credentials, as long as it lasts", async () => {
  const { login, registry } = await rig(false);
  const { token } = await login.issue(registry, scopes, ada, signal);
  const claim = await login.claim({ registry, scopes, authorization: `Bearer ${token}`, mayLogIn: true });
  assert.equal(await claim.authorization(signal), tokenOf(basic));
  const [, rights] = await authorizationFor(true);
  assert.equal(claim.rights, rights);
  const elsewhere = await login.claim({
    registry: { ...registry, host: "other.test" },
    scopes,
    authorization: `Bearer ${token}`,
    mayLogIn: true,
  });
  assert.equal(elsewhere.rights, undefined);
});

test("where a registry knows no tokens, one from here stands for the password, at that registry alone", async () => {
  challenge = 'Basic realm="members"';
  const { login, registry } = await rig(false);
  const { token } = await login.issue(registry, scopes, ada, signal);
  assert.ok(!token.includes("sesame"));
  const shown = { scopes, authorization: `Bearer ${token}`, mayLogIn: true };
  assert.equal(await (await login.claim({ registry, ...shown })).authorization(signal), basic);
  const other = { ...registry, host: "other.test", root: origin.url("/other") };
  assert.equal(await (await login.claim({ registry: other, ...shown })).authorization(signal), undefined);
});

test("credentials that get no token are told of, and the registry has the last word", async () => {
  tokenStatus = 403;
  assert.deepEqual((await authorizationFor(true))[0], undefined);
  assert.deepEqual(warned, ["the credentials get no token"]);
  await assert.rejects((await rig(false)).login.issue((await rig(false)).registry, scopes, ada, signal), {
    originStatus: 403,
  });
});

test("with the token service away nobody comes in as nobody, and members are told why", async () => {
  challenge = `Bearer realm="http://127.0.0.1:1/token"`;
  const { login, registry } = await rig(false);
  const claim = await login.claim({ registry, scopes, authorization: undefined, mayLogIn: true });
  assert.equal(await claim.authorization(signal), undefined);
  await assert.rejects(claim.renewed({ authorization: undefined, challenge }, signal), { code: "origin-unreachable" });
  await assert.rejects(authorizationFor(true), { code: "origin-unreachable" });
});

test("a password goes to no token service without TLS that a registry with TLS names", async () => {
  const { registry } = await rig(true);
  const schemes = new RegistrySchemes(door);
  const secure = { ...registry, root: "https://127.0.0.1:1" };
  schemes.learn(secure, challenge);
  const guarded = new RegistryLogin({ schemes, tokens: { get: () => Promise.reject(new Error("asked")) }, log });
  const claim = await guarded.claim({ registry: secure, scopes, authorization: undefined, mayLogIn: true });
  await assert.rejects(claim.authorization(signal), { code: "origin-refused", message: /without TLS/ });
});
