import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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

test("a seal that was altered in any byte, cut, moved, left out or sent twice is refused", () => {
  const token = { type: "token", request: 1, token: "hush" };
  const opened = (change: (sealed: Buffer) => Uint8Array, type = "token"): unknown => {
    const [one, other] = pair();
    const message = sent(one.seal(token)) as { sealed: string };
    const sealed = Buffer.from(change(Buffer.from(message.sealed, "base64"))).toString("base64");
    return other.open({ ...message, type, sealed });
  };
  assert.deepEqual(
    opened((sealed) => sealed),
    token,
  );
  const { length } = Buffer.from((pair()[0].seal(token) as { sealed: string }).sealed, "base64");
  for (let at = 0; at < length; at++) {
    const altered = (sealed: Buffer): Uint8Array => sealed.map((byte, nth) => (nth === at ? byte ^ 1 : byte));
    assert.throws(() => opened(altered), { code: "protocol-violation" }, `byte ${at}`);
    assert.throws(() => opened((sealed) => sealed.subarray(0, at)), { code: "protocol-violation" });
  }
  assert.throws(() => opened((sealed) => sealed, "register"), /broken seal/);
  const [one, other] = pair();
  const twice = sent(one.seal(token));
  other.open(twice);
  assert.throws(() => other.open(twice), /broken seal/);
  assert.throws(() => other.open(token), /credentials open/);
});

test("messages come out in the order in which they were sealed, both ways at once", () => {
  const [one, other] = pair();
  for (const from of [one, other, one, one, other]) {
    const to = from === one ? other : one;
    assert.deepEqual(to.open(sent(from.seal(register))), register);
  }
  one.seal(register);
  assert.throws(() => other.open(sent(one.seal(register))), /broken seal/, "one was left out");
});

test("a key that is none is refused, and nothing is sealed before there is one", () => {
  const [one] = pair();
  const lowOrder = Buffer.alloc(32).toString("base64");
  for (const key of ["AAAA", "", lowOrder]) assert.throws(() => one.sealFor(key), { code: "protocol-violation" });
  assert.throws(() => new Sealing().seal(register), { code: "internal" });
});

test("a collection at any moment stops nobody", () => {
  // As often as it can be had: in ten thousand channels one begins while a key is read.
  const many = `import { Sealing } from ${JSON.stringify(new URL("./sealing.js", import.meta.url))};
    for (let made = 0; made < 20_000; made++) new Sealing();`;
  const args = ["--max-semi-space-size=1", "--input-type=module", "--eval", many];
  const { status, signal } = spawnSync(process.execPath, args, { stdio: "inherit", timeout: 120_000 });
  assert.deepEqual([status, signal], [0, null]);
});
