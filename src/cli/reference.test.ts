import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../runtime/package-root.ts";
import { referencePages } from "./reference.ts";

test("the generated pages of the documentation say what the program does", async () => {
  const root = packageRoot();
  for (const [name, text] of await referencePages()) {
    const written = await readFile(join(root, "docs", name), "utf8");
    assert.equal(written, text, `docs/${name} is out of date: run npm run build && node scripts/docs.js`);
  }
});
