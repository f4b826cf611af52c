import assert from "node:assert/strict";
import { test } from "node:test";
import { Sealing } from "./sealing.ts";

const register = {
  type: "register",
  request: 1,
  url: "http://me:hush@h/a?X-Amz-Signature=hush",
  headers: { Authorization: "hush" },
  rights: "hush",
  tag: "plain",
};

function pair(): readonly [Sealing, Sealing] {
  const [one, other] = [new Sealing(), new Sealing()];
  one.sealFor(other.publicKey);
  other.sealFor(one.publicKey);
  return [one, other];
}

/** As it is after the wire. */
const sent = (message: object): unknown => JSON.parse(JSON.stringify(message));

test("secrets are sealed on the way, and come out at the other end alone", () => {
  const [one, other] = pair();
  const sealed = one.seal(register);
  assert.deepEqual(Object.keys(sealed).sort(), ["request", "sealed", "tag", "type"]);
  assert.doesNotMatch(JSON.stringify(sealed), /hush|http/);
  assert.deepEqual(other.open(sent(sealed)), register);
  for (const stranger of [one, new Sealing()])
    assert.throws(() => stranger.open(sent(sealed)), { code: "protocol-violation", message: /broken seal/ });
});

test("the same message is never sealed alike, and what has no secrets is not sealed", () => {
  const [one, other] = pair();
  assert.notDeepEqual(one.seal(register), one.seal(register));
  const bye = { type: "bye" };
  assert.deepEqual([one.seal(bye), other.open(bye), other.open(7)], [bye, bye, 7]);
});

test("a seal that was altered in any byte, cut, moved or left out is refused", () => {
  const [one, other] = pair();
  const message = sent(one.seal({ type: "token", request: 1, token: "hush" })) as { type: string; sealed: string };
  const bytes = Buffer.from(message.sealed, "base64");
  const opened = (sealed: unknown, type = "token") => other.open({ ...message, type, sealed });
  opened(message.sealed);
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.throws(() => opened(altered.toString("base64")), { code: "protocol-violation" }, `byte ${at}`);
    assert.throws(() => opened(bytes.subarray(0, at).toString("base64")), { code: "protocol-violation" });
  }
  assert.throws(() => opened(message.sealed, "register"), /broken seal/);
  assert.throws(() => other.open({ type: "token", request: 1, token: "hush" }), /credentials open/);
  assert.throws(() => one.sealFor("AAAA"), { code: "protocol-violation" });
  assert.throws(() => new Sealing().seal(register), { code: "internal" });
});
