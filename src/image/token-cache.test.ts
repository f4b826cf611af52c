import assert from "node:assert/strict";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { TokenCache } from "./token-cache.ts";
import type { Token, TokenRequest } from "./token-client.ts";

const { signal } = new AbortController();
const request: TokenRequest = {
  realm: "https://auth.example/t",
  service: "r",
  scopes: ["repository:a:pull"],
  trust: {},
};
const ada = { ...request, credentials: { kind: "password", username: "ada", password: "sesame" } } as const;

/** A cache before a service that numbers its tokens; `answer` may be replaced. */
function rig() {
  const state = { nowMs: 0, asked: 0, answer: (): Promise<Token> => Promise.resolve({ token: "", forMs: 100_000 }) };
  const cache = new TokenCache({
    now: () => state.nowMs,
    fetch: async () => {
      const nth = ++state.asked;
      return { ...(await state.answer()), token: `token ${nth}` };
    },
  });
  const get = async (one: TokenRequest, instead?: string): Promise<string> =>
    (await cache.get(one, { instead, signal })).token;
  return { state, cache, get };
}

test("many who want one token at once ask once, and whoever differs in anything asks for himself", async () => {
  const { state, get } = rig();
  const all = await Promise.all(Array.from({ length: 1000 }, () => get(request)));
  assert.deepEqual([state.asked, new Set(all).size], [1, 1]);
  for (const other of [
    ada,
    { ...ada, credentials: { ...ada.credentials, password: "guess" } },
    { ...request, scopes: ["repository:b:pull"] },
    { ...request, service: undefined },
    { ...request, realm: "https://other.example/t" },
    { ...request, trust: { insecure: true } },
  ]) {
    const before = state.asked;
    await get(other);
    assert.equal(state.asked, before + 1);
  }
});

test("a token is given until shortly before its end, with what is left of it", async () => {
  const { state, cache, get } = rig();
  await get(request);
  state.nowMs = 60_000;
  assert.deepEqual(await cache.get(request, { signal }), { token: "token 1", forMs: 40_000 });
  state.nowMs = 76_000;
  assert.equal(await get(request), "token 2");
});

test("a token that was refused is replaced once, and not one that has just come", async () => {
  const { state, get } = rig();
  await get(request);
  assert.equal(await get(request, "token 1"), "token 1");
  state.nowMs = 10_000;
  const all = await Promise.all(Array.from({ length: 100 }, () => get(request, "token 1")));
  assert.deepEqual([new Set(all), state.asked], [new Set(["token 2"]), 2]);
  assert.equal(await get(request, "token 1"), "token 2");
});

test("a refusal is remembered for a moment, for its own credentials", async () => {
  const { state, get } = rig();
  state.answer = () => Promise.reject(new DragonflyError("origin-refused", "no", { originStatus: 401 }));
  await assert.rejects(get(ada), { originStatus: 401 });
  await assert.rejects(get(ada), { originStatus: 401 });
  assert.equal(state.asked, 1);
  await assert.rejects(get(request), { originStatus: 401 });
  assert.equal(state.asked, 2);
  state.nowMs = 6000;
  await assert.rejects(get(ada));
  assert.equal(state.asked, 3);
});

test("few requests run at once, and who leaves does not take the token from the others", async () => {
  const { state, cache, get } = rig();
  let running = 0;
  let most = 0;
  state.answer = async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return { token: "", forMs: 60_000 };
  };
  const leaving = new AbortController();
  const left = cache.get(request, { signal: leaving.signal });
  const staying = get(request);
  leaving.abort(new DragonflyError("interrupted", "gone"));
  await assert.rejects(left, { code: "interrupted" });
  await staying;
  await Promise.all(Array.from({ length: 100 }, (_, nth) => get({ ...request, scopes: [`repository:${nth}:pull`] })));
  assert.equal(most, 8);
});
