import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyPatch, type JsonObject, mergePatch } from "./merge-patch.ts";

test("a patch makes the later state of the earlier one, and equal states have none", () => {
  const plain = { noNullPrototype: true };
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()));
  const keys = fc.constantFrom("a", "b", "c", "d");
  const inner = fc.dictionary(keys, leaf, plain);
  const state = fc.dictionary(keys, fc.oneof(leaf, inner, fc.dictionary(keys, inner, plain)), plain);
  fc.assert(
    fc.property(state, state, (from, to) => {
      const patch = mergePatch(from as JsonObject, to as JsonObject);
      const wire = patch === undefined ? {} : JSON.parse(JSON.stringify(patch));
      assert.deepEqual(applyPatch(from, wire), { ...to });
      assert.equal(mergePatch(to as JsonObject, structuredClone(to) as JsonObject), undefined);
    }),
  );
});

test("what did not change is the same object afterwards", () => {
  const before = { hosts: { a: { rate: 1 }, b: { rate: 2 } } };
  const after = applyPatch(before, { hosts: { b: { rate: 3 } } }) as typeof before;
  assert.equal(after.hosts.a, before.hosts.a);
  assert.equal(after.hosts.b.rate, 3);
  assert.equal(before.hosts.b.rate, 2);
});

test("arrays are told as a whole, and what is gone as null", () => {
  assert.deepEqual(mergePatch({ a: [1, 2], b: 1, c: [1] }, { a: [1, 3], c: [1] }), { a: [1, 3], b: null });
});
