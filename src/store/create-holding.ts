// Making a holding where the store is full of what was used a moment ago: that may go soon, so it is worth a short wait.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { VersionRecord } from "../core/version.ts";
import type { Holding, Store } from "./store.ts";

const tries = 3;

/** `Store.create`, tried again while it says that room is about to become free. */
export async function createHolding(store: Store, version: VersionRecord, signal: AbortSignal): Promise<Holding> {
  for (let failures = 1; ; failures++) {
    try {
      return await store.create(version);
    } catch (thrown) {
      const error = DragonflyError.from(thrown);
      if (error.code !== "no-space" || error.retryAfterMs === undefined || failures === tries) throw error;
      await sleep(error.retryAfterMs, undefined, { signal }).catch(() => {
        throw DragonflyError.from(signal.reason);
      });
    }
  }
}
