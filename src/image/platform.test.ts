import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPlatform, matchesPlatform, parsePlatform } from "./platform.ts";

test("a wanted platform matches what an index calls the same", () => {
  const table: readonly (readonly [has: string, wanted: string, matches: boolean])[] = [
    ["linux/amd64", "linux/amd64", true],
    ["linux/amd64", "linux/x86_64", true],
    ["linux/amd64", "linux/arm64", false],
    ["linux/amd64", "windows/amd64", false],
    ["linux/arm64/v8", "linux/arm64", true],
    ["linux/arm64", "linux/arm64/v8", true],
    ["linux/arm64/v8", "linux/aarch64/v8", true],
    ["linux/arm64/v9", "linux/arm64/v8", false],
    ["linux/arm/v6", "linux/arm", true],
    ["linux/arm/v6", "linux/arm/v7", false],
    ["linux/arm", "linux/arm/v7", true],
    ["unknown/unknown", "linux/amd64", false],
  ];
  for (const [has, wanted, matches] of table) {
    assert.equal(matchesPlatform(parsePlatform(has), parsePlatform(wanted)), matches, `${has} for ${wanted}`);
  }
});

test("a platform is written as it is read", () => {
  for (const text of ["linux/amd64", "linux/arm64/v8"]) assert.equal(formatPlatform(parsePlatform(text)), text);
});

test("what is no platform is refused", () => {
  for (const text of ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b"]) {
    assert.throws(() => parsePlatform(text), /is not a platform/, text);
  }
});
