import assert from "node:assert/strict";
import { test } from "node:test";
import { reign, renewalDueMs } from "./certificate-times.ts";

const lifeMs = 1000;
const [first, second] = [{ madeAtMs: 0 }, { madeAtMs: 10_000 }];

test("a certificate is renewed at half its life", () => {
  assert.equal(renewalDueMs({ issuedAtMs: 1000, expiresAtMs: 3000 }), 2000);
});

test("a new authority is trusted at once, issues after one life, and is alone after another", () => {
  const at = (nowMs: number) => {
    const { issuer, trusted } = reign([first, second], lifeMs, nowMs);
    return [issuer === first ? 1 : 2, trusted.length];
  };
  assert.deepEqual(at(10_000), [1, 2]);
  assert.deepEqual(at(10_999), [1, 2]);
  assert.deepEqual(at(11_000), [2, 2]);
  assert.deepEqual(at(11_999), [2, 2]);
  assert.deepEqual(at(12_000), [2, 1]);
});

test("every certificate that is valid has an issuer that every host trusts, whenever each renews", () => {
  for (let issuedAtMs = 9000; issuedAtMs < 13_000; issuedAtMs += 100) {
    const { issuer } = reign([first, second], lifeMs, issuedAtMs);
    for (let nowMs = issuedAtMs; nowMs < issuedAtMs + lifeMs; nowMs += 100) {
      // A host that renewed half a life ago at the latest.
      for (let heardMs = nowMs - lifeMs / 2; heardMs <= nowMs; heardMs += 100) {
        const known = [first, second].filter(({ madeAtMs }) => madeAtMs <= heardMs);
        const { trusted } = reign(known, lifeMs, heardMs);
        assert.ok(
          issuer !== undefined && trusted.includes(issuer),
          `issued ${issuedAtMs}, now ${nowMs}, heard ${heardMs}`,
        );
      }
    }
  }
});

test("the only authority issues at once", () => {
  assert.equal(reign([second], lifeMs, 10_000).issuer, second);
  assert.equal(reign([], lifeMs, 0).issuer, undefined);
});
