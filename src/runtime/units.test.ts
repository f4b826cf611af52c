import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatBytes, formatDuration, formatRate, parseDuration, parseRate, parseSize } from "./units.ts";

test("sizes are bytes, decimal with B, binary with iB or bare", () => {
  const table: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["17", 17],
    ["17B", 17],
    ["64MiB", 64 * 2 ** 20],
    ["200MB", 200e6],
    ["10G", 10 * 2 ** 30],
    ["1.5 kib", 1536],
    ["2t", 2 * 2 ** 40],
  ];
  for (const [text, bytes] of table) assert.equal(parseSize(text), bytes, text);
});

test("rates know bytes and bits", () => {
  const table: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["20MB/s", 20e6],
    ["20MB", 20e6],
    ["20M", 20 * 2 ** 20],
    ["20m/s", 20 * 2 ** 20],
    ["8MiB/s", 8 * 2 ** 20],
    ["200Mbps", 25e6],
    ["200Mbit/s", 25e6],
    ["200Mb/s", 25e6],
    ["1Gibps", 2 ** 30 / 8],
    ["1bps", 1],
  ];
  for (const [text, bytes] of table) assert.equal(parseRate(text), bytes, text);
});

test("durations add up their parts", () => {
  const table: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["1d", 86_400_000],
  ];
  for (const [text, ms] of table) assert.equal(parseDuration(text), ms, text);
});

test("what is refused is named, with an example", () => {
  for (const text of ["", "x", "-1", "1 2", "10X", "1e3", "5Mbps", "99999999P"]) {
    assert.throws(() => parseSize(text), { code: "bad-config" }, text);
  }
  for (const text of ["", "20mb", "20Mps", "20Mbytes", "iB", "5/s/s"]) {
    assert.throws(() => parseRate(text), { code: "bad-config", message: /20MB\/s, 20M or 200Mbps/ }, text);
  }
  assert.throws(() => parseDuration("30"), { message: '"30" is not a duration: write 250ms, 30s, 5m or 1h30m' });
  for (const text of ["", "s", "5 m", "m5", "1h 30m", "-5s"]) assert.throws(() => parseDuration(text), text);
});

test("what people read has one decimal and a fitting unit", () => {
  assert.equal(formatBytes(512), "512 B");
  assert.equal(formatBytes(200 * 2 ** 20), "200.0 MiB");
  assert.equal(formatBytes(3.5 * 2 ** 40), "3.5 TiB");
  assert.equal(formatRate(950), "950 B/s");
  assert.equal(formatRate(23_560_000), "23.6 MB/s");
  assert.equal(formatRate(4_000), "4.0 kB/s");
  assert.equal(formatDuration(8_900), "8.9s");
  assert.equal(formatDuration(125_000), "2m05s");
  assert.equal(formatDuration(59_990), "1m00s");
  assert.equal(formatDuration(3_725_000), "1h02m");
});

test("no text makes a parser return anything but a whole number or fail as bad-config", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,4} ?[kKmMgGib]{0,3}(\/s|ps|s|h)?$/)), (text) => {
      for (const parse of [parseSize, parseRate, parseDuration]) {
        try {
          const value = parse(text);
          assert.ok(Number.isSafeInteger(value) && value >= 0);
        } catch (error) {
          assert.equal(error instanceof Error && "code" in error && error.code, "bad-config");
        }
      }
    }),
    { numRuns: 300 },
  );
});
