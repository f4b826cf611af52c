import assert from "node:assert/strict";
import { test } from "node:test";
import { formatChallenges, parseChallenges } from "./challenge.ts";

const read = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("challenges of registries", () => {
  assert.deepEqual(read('Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push"'), [
    ["bearer", { realm: "https://auth.example/token", service: "r", scope: "repository:a/b:pull,push" }],
  ]);
  assert.deepEqual(read('Basic realm="a, \\"b\\" = c"'), [["basic", { realm: 'a, "b" = c' }]]);
  assert.deepEqual(read("BASIC Realm=members , BEARER realm = x, service=y"), [
    ["basic", { realm: "members" }],
    ["bearer", { realm: "x", service: "y" }],
  ]);
  assert.deepEqual(read("Negotiate, Basic realm=x"), [
    ["negotiate", {}],
    ["basic", { realm: "x" }],
  ]);
  assert.deepEqual(read("Negotiate YWJj=="), [["negotiate", { "": "YWJj==" }]]);
});

test("what is no challenge is none, and a mistake ends the reading", () => {
  assert.deepEqual(parseChallenges(undefined), []);
  assert.deepEqual(read(""), []);
  assert.deepEqual(read('realm="x"'), []);
  assert.deepEqual(read('Basic realm="x", Bearer realm="never ends'), [
    ["basic", { realm: "x" }],
    ["bearer", {}],
  ]);
});

test("what is written is read again", () => {
  const header = 'Bearer realm="http://127.0.0.1/t?a=\\"1\\"",service="s", Basic realm="members", Negotiate YWJj==';
  assert.equal(formatChallenges(parseChallenges(header)), header);
});

test("reading takes no longer than the header is long", () => {
  const header = `Bearer ${'a="'.repeat(5000)}`;
  assert.ok(parseChallenges(header).length <= 1);
});
