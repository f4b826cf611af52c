// The one way to complete a holding. What a digest names is complete only with that digest: a holding that has another is removed, so that
// it is neither given nor offered, and the next attempt begins anew.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import type { Holding, Store } from "./store.ts";

const chunkBytes = 1 << 20;

export interface Finished {
  /** Of the content, in bytes. */
  readonly length: number;
  /** Of the content, 64 hexadecimal digits, where whoever brought it knows. */
  readonly sha256: string | undefined;
}

/** All pieces must be held. Errors: `digest-mismatch`, those of the disk. */
export async function finishHolding(store: Store, holding: Holding, { length, sha256 }: Finished): Promise<void> {
  const { id, url, digest } = holding.version;
  if (digest === undefined) return holding.finish(length, sha256);
  const actual = sha256 ?? (await sha256Of(holding, length));
  if (digest === `sha256:${actual}`) return holding.finish(length, actual);
  await store.remove(id);
  throw new DragonflyError(
    "digest-mismatch",
    `what ${url} sent has the digest sha256:${actual}: the copy there is broken`,
  );
}

async function sha256Of(holding: Holding, length: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, length));
  for (let at = 0; at < length; at += buffer.length) {
    const read = await holding.readAt(at, buffer, Math.min(buffer.length, length - at));
    hash.update(buffer.subarray(0, read));
  }
  return hash.digest("hex");
}
