// Whether an order reached the whole cluster.

import { DragonflyError } from "../core/error.ts";
import type { Told } from "./supernode-client.ts";

/** The exit code where all supernodes answered. Errors: `supernode-unreachable` where one that did not may still have it otherwise. */
export function reached({ silent }: Told<unknown>): 0 {
  if (silent.length === 0) return 0;
  throw new DragonflyError(
    "supernode-unreachable",
    `no answer from ${silent.join(", ")}: say it again when it is back`,
  );
}
