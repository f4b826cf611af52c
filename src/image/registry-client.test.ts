import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { HttpDoor } from "../net/http-door.ts";
import { TestOrigin } from "../testing/test-origin.ts";
import type { Registry } from "./registries.ts";
import { RegistryClient } from "./registry-client.ts";
import type { Claim } from "./registry-login.ts";

const { signal } = new AbortController();
let door: HttpDoor;
let origin: TestOrigin;
let registry: Registry;
let client: RegistryClient;

before(async () => {
  door = new HttpDoor();
  origin = await TestOrigin.start({ content: Buffer.from("{}") });
  registry = { host: "r.test", root: origin.url(""), prefix: "", trust: {}, credentials: undefined };
});
beforeEach(() => {
  client = new RegistryClient(door);
  origin.requests.length = 0;
  origin.answer = { content: Buffer.from("{}") };
});
after(() => Promise.all([door.close(), origin.close()]));

const claimOf = (rights: string | undefined, authorization: string | undefined, next?: string): Claim => ({
  rights,
  authorization: async () => authorization,
  renewed: async () => next,
});

test("many who look up a tag at the same moment ask the registry once, and the next one asks again", async () => {
  const lookUp = (claim: Claim, asked = signal) =>
    client.head(registry, claim, { url: origin.url("/v2/a/manifests/1"), headers: { accept: "x" }, signal: asked });
  const leaving = new AbortController();
  const nobody = claimOf("", undefined);
  const left = lookUp(nobody, leaving.signal);
  const all = Array.from({ length: 50 }, () => lookUp(nobody));
  leaving.abort(new DragonflyError("interrupted", "gone"));
  await assert.rejects(left, { code: "interrupted" });
  for (const { status } of await Promise.all(all)) assert.equal(status, 200);
  assert.equal(origin.requests.length, 1);
  await lookUp(nobody);
  assert.equal(origin.requests.length, 2);
  // Two tokens of one right are one asker; other rights, and a foreign Authorization, are others.
  const askers = [claimOf("r", "1"), claimOf("r", "2"), claimOf("s", "1"), claimOf(undefined, "r")];
  await Promise.all(askers.map((claim) => lookUp(claim)));
  assert.equal(origin.requests.length, 5);
});

test("what is refused is asked once more with another Authorization, where there is one", async () => {
  origin.answer = { content: Buffer.from("{}"), requires: ["authorization", "good"] };
  const ask = async (next?: string) => {
    const inquiry = { url: origin.url("/v2/a"), headers: { authorization: "engine's", accept: "x" }, signal };
    const { status, body } = await client.request(registry, claimOf("", "old", next), inquiry);
    body.resume();
    return status;
  };
  assert.equal(await ask("good"), 200);
  assert.equal(await ask("other"), 401);
  assert.equal(await ask(), 401);
  const said = origin.requests.map(({ headers }) => headers.authorization);
  assert.deepEqual(said, ["old", "good", "old", "other", "old"]);
});
