import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { append, hunkBetween, insertAt, linesOf, takeBack, unifiedDiff } from "./text-edit.ts";

const texts = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "", "# c"), fc.constantFrom("\n", "\r\n", "")))
  .map((lines) => lines.map(([line, end]) => line + end).join(""));

test("what differs between two texts is taken back exactly", () => {
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const hunk = hunkBetween(before, after);
      if (hunk.inserted !== "") assert.equal(takeBack(after, hunk, true), before);
    }),
  );
});

test("lines are taken back from where they are now, unless they are gone or in two places", () => {
  const hunk = hunkBetween("a\nb\n", "a\nours\nb\n");
  assert.deepEqual(hunk, { line: 1, removed: "", inserted: "ours\n" });
  assert.equal(takeBack("new\na\nours\nb\n", hunk, false), "new\na\nb\n");
  assert.equal(takeBack("a\nours too\nb\n", hunk, false), undefined);
  assert.equal(takeBack("ours\na\nours\n", hunk, false), undefined);
});

test("an edit is shown as diff -u does", () => {
  assert.equal(
    unifiedDiff("f", "1\n2\n3\n4\n5", "1\n2\n3\n4\nnew\n5"),
    "--- f\n+++ f\n@@ -2,4 +2,5 @@\n 2\n 3\n 4\n+new\n 5\n\\ No newline at end of file\n",
  );
  assert.equal(unifiedDiff("f", undefined, "a\r\n"), "--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
  assert.equal(unifiedDiff("f", "a\n", undefined), "--- f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
});

test("added lines have the text's own ends", () => {
  assert.equal(append("", ["a", "b"]), "a\nb\n");
  assert.equal(append("x\r\ny", ["a"]), "x\r\ny\r\n\r\na\r\n");
  assert.equal(insertAt("x\r\ny\r\n", 3, ["a"]), "x\r\na\r\ny\r\n");
  assert.equal(insertAt("x", 1, ["a"]), "x\na\n");
  assert.deepEqual(linesOf("a\n\nb"), ["a\n", "\n", "b"]);
});
