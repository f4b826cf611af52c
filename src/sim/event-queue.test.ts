import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventQueue } from "./event-queue.ts";

test("events come out by time, and in the order they went in where times are equal", () => {
  const times = fc.array(fc.oneof(fc.nat(20), fc.constant(-1)), { maxLength: 3000 });
  fc.assert(
    fc.property(times, (pushes) => {
      const queue = new EventQueue();
      const model: { readonly time: number; readonly number: number }[] = [];
      const takeOne = (): void => {
        model.sort((a, b) => a.time - b.time || a.number - b.number);
        const expected = model.shift();
        assert.equal(queue.next(), expected !== undefined);
        if (expected !== undefined) assert.deepEqual([queue.timeMs, queue.a], [expected.time, expected.number]);
      };
      // A negative number takes one out.
      for (const [number, time] of pushes.entries()) {
        if (time < 0) takeOne();
        else {
          queue.push(time, 1, number);
          model.push({ time, number });
        }
      }
      while (model.length > 0) takeOne();
      assert.equal(queue.size, 0);
    }),
    { numRuns: 50 },
  );
});

test("each event carries what it was given", () => {
  const queue = new EventQueue();
  const payload = { it: "self" };
  queue.push(2, 7, 1, 2, 3, 4);
  queue.pushWith(1, 8, [5, 6], payload);
  queue.next();
  assert.deepEqual([queue.kind, queue.a, queue.b, queue.payload], [8, 5, 6, payload]);
  queue.next();
  assert.deepEqual([queue.kind, queue.a, queue.b, queue.c, queue.d, queue.payload], [7, 1, 2, 3, 4, undefined]);
});
