// Whether what is kept is what was verified, by reading all of it. A holding that is not is removed, so that the next attempt begins anew.

import { createHash } from "node:crypto";
import type { Holding, Store } from "./store.ts";

/** Of a complete holding; one that is still coming in is not looked at. */
export async function proveHolding(store: Store, holding: Holding): Promise<boolean> {
  if (holding.state !== "complete" || (await isAsVerified(holding))) return true;
  await store.remove(holding.version.id);
  return false;
}

async function isAsVerified(holding: Holding): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(holding.version.pieceLength);
  const release = holding.acquire();
  try {
    for (const piece of holding.held) {
      const length = await holding.read(piece, buffer);
      const digest = createHash("sha256").update(buffer.subarray(0, length)).digest();
      if (holding.pieceDigest(piece)?.every((byte, at) => byte === digest[at]) !== true) return false;
    }
    return true;
  } catch {
    // It cannot even be read.
    return false;
  } finally {
    release();
  }
}
