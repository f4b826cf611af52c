// What a data directory takes of its disk: the content of all versions, and of those on their way out.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export async function keptBytes(data) {
  const taken = await Promise.all(["versions", "trash"].map((folder) => takenBytes(join(data, folder))));
  return taken.reduce((sum, bytes) => sum + bytes, 0);
}

async function takenBytes(folder) {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const { blocks = 0 } = await stat(join(folder, name, "pieces")).catch(() => ({}));
    bytes += blocks * 512;
  }
  return bytes;
}
