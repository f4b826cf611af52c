import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mostPassing, nextWrite, type Place, WriteLine } from "./write-line.ts";

const [a, b] = [{ name: "a" }, { name: "b" }];
const at = (file: object, offset: number): Place => ({ file, offset });

const table: readonly [string, readonly Place[], Place | undefined, number][] = [
  ["the nearest after the last is next", [at(a, 9), at(a, 5), at(a, 1), at(a, 6)], at(a, 4), 1],
  ["what lies before the last waits for the next sweep", [at(a, 1), at(a, 9)], at(a, 4), 1],
  ["after the last of a file its first is next", [at(a, 3), at(a, 1), at(a, 2)], at(a, 4), 1],
  ["another file waits while this one has something", [at(b, 5), at(a, 1)], at(a, 4), 1],
  ["then the oldest's file is next, from its front", [at(b, 5), at(a, 1), at(b, 2)], at({}, 4), 2],
  ["with nothing written the oldest's file begins", [at(b, 5), at(a, 1)], undefined, 0],
];

for (const [name, waiting, last, next] of table) test(name, () => assert.equal(nextWrite(waiting, last), next));

/** Runs all at once, one of them at a time, and resolves to the order in which they ran. */
async function orderOf(places: readonly Place[], outstanding = 1): Promise<Place[]> {
  const line = new WriteLine(outstanding);
  const order: Place[] = [];
  await Promise.all(
    places.map((place) =>
      line.run(place, async () => {
        order.push(place);
        await null;
      }),
    ),
  );
  return order;
}

test("a disk that is behind is written in file order, one file after the other", async () => {
  const order = await orderOf([at(a, 3), at(b, 1), at(a, 9), at(b, 0), at(a, 4), at(a, 1)]);
  assert.deepEqual(
    order.map(({ file, offset }) => `${file === a ? "a" : "b"}${offset}`),
    ["a3", "a4", "a9", "a1", "b0", "b1"],
  );
});

test("every write runs once, and none is passed by more than so many that came later", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.boolean(), fc.nat(1000)), { maxLength: 300 }),
      fc.integer({ min: 1, max: 8 }),
      async (drawn, outstanding) => {
        const places = drawn.map(([isA, offset]) => at(isA ? a : b, offset));
        const order = await orderOf(places, outstanding);
        assert.deepEqual(new Set(order), new Set(places));
        assert.equal(order.length, places.length);
        for (const [nth, place] of places.entries()) {
          const begun = order.slice(0, order.indexOf(place));
          const passing = begun.filter((other) => places.indexOf(other) > nth).length;
          // Those ahead of it in the line may each have been late before it was the oldest.
          assert.ok(passing <= mostPassing + nth, `${passing} went before write ${nth}`);
        }
      },
    ),
  );
});

test("a file whose writes never end does not keep another waiting", async () => {
  const line = new WriteLine(1);
  let others = 0;
  let done = false;
  let offset = 0;
  const more = async (): Promise<void> => {
    while (!done && others < 10 * mostPassing) {
      await line.run(at(a, offset++), async () => {
        others++;
      });
    }
  };
  const endless = [more(), more(), more()];
  await line.run(at(b, 0), async () => {
    done = true;
  });
  await Promise.all(endless);
  assert.ok(others <= mostPassing + 5, `${others} went first`);
});

test("a write that fails leaves its place", async () => {
  const line = new WriteLine(1);
  await assert.rejects(
    line.run(at(a, 0), async () => {
      throw new Error("no");
    }),
  );
  assert.equal(await line.run(at(a, 1), async () => 1), 1);
});
