import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "./bitset.ts";

const indexes = fc.array(fc.integer({ min: 0, max: 300 }));

test("a bitset holds what a set of numbers holds, in order", () => {
  fc.assert(
    fc.property(indexes, indexes, (added, deleted) => {
      const model = new Set<number>();
      const bits = new Bitset(10);
      for (const index of added) {
        assert.equal(bits.add(index), !model.has(index));
        model.add(index);
      }
      for (const index of deleted) assert.equal(bits.delete(index), model.delete(index));
      assert.deepEqual(
        [...bits],
        [...model].sort((a, b) => a - b),
      );
      assert.equal(bits.count, model.size);
      for (let index = 0; index <= 320; index++) assert.equal(bits.has(index), model.has(index));
    }),
  );
});

test("bytes and back is the same set, cut at the length", () => {
  fc.assert(
    fc.property(indexes, fc.integer({ min: 0, max: 310 }), (members, length) => {
      const bits = Bitset.of(...members);
      const bytes = bits.toBytes(length);
      assert.equal(bytes.length, Math.ceil(length / 8));
      const back = Bitset.fromBytes(bytes);
      assert.deepEqual(
        [...back],
        [...bits].filter((index) => index < length),
      );
      assert.equal(back.count, [...back].length);
    }),
  );
});

test("any bytes are a set, whatever their length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.deepEqual(Bitset.fromBytes(bytes).toBytes(bytes.length * 8), bytes);
    }),
  );
});

test("a range is added from its first to before its end", () => {
  const bits = new Bitset();
  bits.addRange(30, 66);
  assert.equal(bits.count, 36);
  assert.deepEqual([bits.has(29), bits.has(30), bits.has(65), bits.has(66)], [false, true, true, false]);
  bits.addRange(5, 5);
  assert.equal(bits.count, 36);
});

test("a copy goes its own way", () => {
  const bits = Bitset.of(1, 31, 32);
  const copy = bits.copy();
  copy.delete(31);
  bits.clear();
  assert.deepEqual([...copy], [1, 32]);
  assert.deepEqual([...bits], []);
  assert.equal(bits.count, 0);
});
