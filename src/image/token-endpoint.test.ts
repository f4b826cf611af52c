import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { HttpDoor } from "../net/http-door.ts";
import { silentLog } from "../runtime/log.ts";
import { TestOrigin } from "../testing/test-origin.ts";
import { parseChallenges } from "./challenge.ts";
import { Registries } from "./registries.ts";
import { nobodysToken, RegistryLogin } from "./registry-login.ts";
import { RegistrySchemes } from "./registry-scheme.ts";
import type { TokenRequest } from "./token-client.ts";
import { anyService, challengeFor, TokenEndpoint, tokenPath } from "./token-endpoint.ts";

let registry: TestOrigin;
let door: HttpDoor;
let server: Server;
/** What the registries' token services were asked for. */
const asked: TokenRequest[] = [];

before(async () => {
  door = new HttpDoor();
  const challenge = 'Bearer realm="https://auth.test/token",service="r"';
  registry = await TestOrigin.start({ status: 401, headers: { "www-authenticate": challenge } });
  const registries = await Registries.load({
    registries: [{ host: "r.test", url: `${registry.url("")}/v2/cache`, insecure: false }],
    registry: registry.url(""),
    log: silentLog,
  });
  const tokens = {
    get: async (request: TokenRequest) => {
      asked.push(request);
      return { token: "real", forMs: 90_500 };
    },
  };
  const login = new RegistryLogin({ schemes: new RegistrySchemes(door), tokens, log: silentLog });
  const endpoint = new TokenEndpoint(registries, login);
  server = createServer((request, response) => {
    endpoint.handle({ request, response, signal: new AbortController().signal }).catch((thrown: unknown) => {
      response.writeHead(DragonflyError.from(thrown).status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await Promise.all([door.close(), registry.close()]);
});

const basic = { authorization: `Basic ${Buffer.from("ada:sesame").toString("base64")}` };
const ada = { kind: "password", username: "ada", password: "sesame" };

async function ask(fields: readonly (readonly [string, string])[], init: RequestInit = {}, inQuery = true) {
  const form = new URLSearchParams();
  for (const [name, value] of fields) form.append(name, value);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${tokenPath}`;
  asked.length = 0;
  const answer = await fetch(inQuery ? `${url}?${form}` : url, { ...init, ...(inQuery ? {} : { body: form }) });
  const body = (answer.status === 200 ? await answer.json() : {}) as Readonly<Record<string, unknown>>;
  return { status: answer.status, token: body.token, body, asked: asked[0] };
}

test("the registry is named by the service, or by the scope, which becomes the registry's own", async () => {
  for (const [service, scope, own] of [
    ["r.test", "repository:team/app:pull", "repository:cache/team/app:pull"],
    ["r.test", "repository:r.test/team/app:pull,push", "repository:cache/team/app:pull,push"],
    [anyService, "repository:r.test/team/app:pull", "repository:cache/team/app:pull"],
    [anyService, "repository:team/app:pull", "repository:team/app:pull"],
    [anyService, "repository:other.test/app:pull", "repository:other.test/app:pull"],
  ] as const) {
    const { body, asked } = await ask(
      [
        ["service", service],
        ["scope", scope],
      ],
      { headers: basic },
    );
    assert.deepEqual([body.token, body.access_token, body.expires_in], ["real", "real", 90]);
    assert.deepEqual([asked?.realm, asked?.service], ["https://auth.test/token", "r"]);
    assert.deepEqual([asked?.scopes, asked?.credentials], [[own], ada], `${service} ${scope}`);
  }
});

test("OAuth2 as engines speak it", async () => {
  const more = [
    ["service", "r.test"],
    ["scope", "repository:b:pull repository:a:pull"],
  ] as const;
  const scopes = ["repository:cache/a:pull", "repository:cache/b:pull"];
  const password = [
    ["grant_type", "password"],
    ["username", "ada"],
    ["password", "sesame"],
  ] as const;
  const first = await ask([...password, ...more], { method: "POST" }, false);
  assert.deepEqual([first.token, first.asked?.credentials, first.asked?.scopes], ["real", ada, scopes]);
  const refresh = [
    ["grant_type", "refresh_token"],
    ["refresh_token", "identity"],
  ] as const;
  const second = await ask([...refresh, ...more], { method: "POST" }, false);
  assert.deepEqual(second.asked?.credentials, { kind: "identity", token: "identity" });
});

test("who shows no credentials, or nothing to use them for, gets a token that says nothing", async () => {
  const scope = ["scope", "repository:team/app:pull"] as const;
  assert.equal((await ask([["service", "r.test"], scope])).token, nobodysToken);
  assert.equal((await ask([["service", anyService]], { headers: basic })).token, nobodysToken);
  assert.equal(asked.length, 0);
});

test("what is no question is refused", async () => {
  const many = Array.from({ length: 17 }, (_, nth) => ["scope", `repository:${nth}:pull`] as const);
  assert.equal((await ask(many)).status, 400);
  assert.equal((await ask([["service", "http://elsewhere/"]], { headers: basic })).status, 400);
  assert.equal((await ask([], { method: "PUT" })).status, 400);
  assert.equal((await ask([["password", "x".repeat(70_000)]], { method: "POST" }, false)).status, 400);
});

test("a registry's challenge sends its engines here, for the name that they use", () => {
  const told = { service: "r.test", repository: "r.test/team/app", origin: "http://127.0.0.1:1" };
  const theirs =
    'Bearer realm="https://a/t",service="r",scope="repository:team/app:pull,push",error="x", Basic realm="m"';
  const [bearer, basic] = parseChallenges(challengeFor(theirs, told));
  assert.deepEqual(Object.fromEntries(bearer?.parameters ?? []), {
    realm: "http://127.0.0.1:1/dragonfly/token",
    service: "r.test",
    scope: "repository:r.test/team/app:pull,push",
    error: "x",
  });
  assert.deepEqual(Object.fromEntries(basic?.parameters ?? []), { realm: "m" });
  assert.equal(challengeFor(theirs, { ...told, origin: undefined }), theirs);
  const nowhere = { ...told, repository: "team/app", origin: undefined };
  const scoped = 'Bearer realm="https://a/t",scope="repository:team/app:pull"';
  assert.equal(challengeFor('Bearer realm="https://a/t"', nowhere), scoped);
});
