// Writes the generated pages of docs/ from the built program: `npm run build && node scripts/docs.js`.

import { readFile, writeFile } from "node:fs/promises";

const { referencePages } = await import("../dist/cli/reference.js");
for (const [name, text] of await referencePages()) {
  await writeFile(new URL(`../docs/${name}`, import.meta.url), text);
}
const { withApiTables } = await import("../dist/cli/api-reference.js");
const api = new URL("../docs/api.md", import.meta.url);
await writeFile(api, withApiTables(await readFile(api, "utf8")));
