import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostId, VersionId } from "./ids.ts";
import { Introduced } from "./introduced.ts";

const [ann, bob] = ["a".repeat(32), "b".repeat(32)] as [HostId, HostId];
const [one, two] = ["1".repeat(64), "2".repeat(64)] as [VersionId, VersionId];

test("who was introduced for a version is known for that one, until it is dropped", () => {
  const introduced = new Introduced();
  introduced.add(one, ann);
  assert.deepEqual(
    [introduced.has(one, ann), introduced.has(two, ann), introduced.has(one, bob)],
    [true, false, false],
  );
  introduced.drop(one, ann);
  assert.equal(introduced.has(one, ann), false);
});

test("a host that is barred is known for no version any more, and others stay", () => {
  const introduced = new Introduced();
  for (const version of [one, two]) introduced.add(version, ann);
  introduced.add(two, bob);
  assert.deepEqual(introduced.bar(ann), [one, two]);
  assert.deepEqual(
    [introduced.has(one, ann), introduced.has(two, ann), introduced.has(two, bob)],
    [false, false, true],
  );
});

test("however many are introduced, the oldest makes room", () => {
  const introduced = new Introduced();
  const host = (n: number): HostId => n.toString(16).padStart(32, "0") as HostId;
  for (let n = 0; n < 5000; n++) introduced.add(one, host(n));
  assert.deepEqual([introduced.has(one, host(0)), introduced.has(one, host(4999))], [false, true]);
});
