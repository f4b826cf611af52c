import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId } from "../core/ids.ts";
import { Witnesses } from "./witnesses.ts";

const [ann, bob, liar] = ["a", "b", "f"] as HostId[] as [HostId, HostId, HostId];
const right = new Uint8Array(32).fill(1);
const wrong = new Uint8Array(32).fill(2);

test("two hosts that sent the same confirm a piece", () => {
  const witnesses = new Witnesses();
  assert.equal(witnesses.confirm(7, right, ann), false);
  assert.equal(witnesses.confirm(8, right, bob), false, "of another piece");
  assert.equal(witnesses.confirm(7, right, bob), true);
});

test("one host confirms nothing, however often it sends it", () => {
  const witnesses = new Witnesses();
  for (let nth = 0; nth < 20; nth++) assert.equal(witnesses.confirm(0, wrong, liar), false);
});

test("a liar among honest hosts does not keep them from confirming each other", () => {
  const witnesses = new Witnesses();
  assert.equal(witnesses.confirm(0, wrong, liar), false);
  assert.equal(witnesses.confirm(0, right, ann), false);
  assert.equal(witnesses.confirm(0, right, bob), true);
});
