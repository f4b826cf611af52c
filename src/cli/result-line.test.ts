import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nothingYet } from "../local/download.ts";
import { progressText } from "./progress-line.ts";
import { percentages, resultLine } from "./result-line.ts";

const MIB = 1 << 20;

test("the result is told in one line", () => {
  const from = { peers: 182 * MIB, supernode: 18 * MIB, origin: 0 };
  const downloaded = { ...nothingYet, bytes: 200 * MIB, from, peers: 8 };
  assert.equal(
    resultLine(downloaded, 8_900),
    "200.0 MiB in 8.9s (23.6 MB/s): 91% from 8 peers, 9% from the supernode, 0% from the origin",
  );
  assert.match(resultLine({ ...downloaded, peers: 1 }, 8_900), /91% from 1 peer,/);
  assert.match(
    resultLine({ ...nothingYet, bytes: 1, reused: true }, 0),
    /^1 B in 0\.0s \(.*\): all of it was on this host already$/,
  );
});

test("percentages are whole and add up to 100", () => {
  assert.deepEqual(percentages([1, 1, 1]), [34, 33, 33]);
  assert.deepEqual(percentages([0, 0, 0]), [0, 0, 0]);
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), (parts) => {
      const sum = percentages(parts).reduce((total, part) => total + part, 0);
      assert.equal(sum, parts.some((part) => part > 0) ? 100 : 0);
    }),
    { numRuns: 200 },
  );
});

test("progress tells how much, how fast, how long still and from whom", () => {
  const from = { peers: 91, supernode: 9, origin: 0 };
  const progress = {
    type: "progress",
    bytes: 90 * MIB,
    length: 200 * MIB,
    pieces: [],
    from,
    peers: 8,
    rateBytesPerSecond: 23.6e6,
  } as const;
  assert.equal(
    progressText(progress),
    "45%  90.0 MiB of 200.0 MiB  23.6 MB/s  4.9s left  91% peers, 9% supernode, 0% origin",
  );
  assert.equal(progressText({ ...progress, length: null }), "90.0 MiB  23.6 MB/s  91% peers, 9% supernode, 0% origin");
});
