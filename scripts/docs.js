// Writes the generated pages of docs/ from the built program: `npm run build && node scripts/docs.js`.

import { writeFile } from "node:fs/promises";

const { referencePages } = await import("../dist/cli/reference.js");
for (const [name, text] of await referencePages()) {
  await writeFile(new URL(`../docs/${name}`, import.meta.url), text);
}
