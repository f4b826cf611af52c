// What is distributed: random bytes, which nothing can compress or guess, and their digest.

import { createHash, randomFillSync } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

/** Writes so many random bytes and resolves to their SHA-256. */
export async function makeContent(path, bytes) {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  try {
    const block = Buffer.allocUnsafe(Math.min(bytes, 1 << 20));
    for (let left = bytes; left > 0; left -= block.length) {
      const next = randomFillSync(block.subarray(0, Math.min(left, block.length)));
      hash.update(next);
      await file.write(next);
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** SHA-256 of a file; undefined when there is none. */
export async function digestOf(path) {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  } catch {
    return undefined;
  }
  return hash.digest("hex");
}
