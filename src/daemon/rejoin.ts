// A running download whose home was lost, or has forgotten it, or stood in for one that is back, turns to the task's home as it is now.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { Log } from "../runtime/log.ts";
import type { TaskRequest } from "../wire/task-key.ts";
import { isNameless } from "../wire/version-record.ts";
import type { Supernodes } from "./supernodes.ts";
import type { SwarmDownload } from "./swarm-download.ts";
import type { Transfer } from "./transfer.ts";

/** Not all hosts at once. */
const withinMs = 100;

export interface Homeless {
  readonly transfer: Transfer;
  readonly swarm: SwarmDownload;
  readonly request: TaskRequest;
  /** By one that stands in, and goes on to where it is the better choice. */
  readonly served: boolean;
}

/** Never rejects: what cannot go on has failed then. */
export async function rejoin(
  { transfer, swarm, request, served }: Homeless,
  { supernodes, log }: { readonly supernodes: Supernodes; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  const { version } = transfer.holding;
  const { home } = swarm;
  const isServed = (): boolean => served && supernodes.isUp(home);
  // Nobody there to ask: neighbours may have what is missing.
  if (supernodes.up.length === 0) swarm.supernodeLost();
  try {
    await sleep(Math.random() * withinMs, undefined, { signal });
    const { task, supernode } = await supernodes.register(version.taskId, request, { signal, version: version.id });
    const same = task.version === version.id && task.pieceLength === version.pieceLength;
    if (same && transfer.state === "running") {
      log.info("download resumed", { version: version.id, supernode: supernode.url });
      return swarm.resume(task, supernode);
    }
    supernodes.send({ type: "leave", version: task.version }, supernode.host);
    if (isServed()) return;
    // Of content without a validator the supernode cannot know that it is the same. Neighbours hold what they hold.
    if (isNameless(version)) return swarm.supernodeLost();
    if (!same) throw new DragonflyError("origin-changed", "the content changed at the origin during the download");
  } catch (thrown) {
    if (isServed()) return;
    const error = DragonflyError.from(thrown);
    // The origin's no is an answer. Whoever cannot be reached may be there later; until then neighbours may have what is missing.
    if (error.code === "origin-refused" || error.code === "origin-changed") return transfer.fail(error);
    log.warn("download has no supernode", { version: version.id, error: error.message });
    swarm.supernodeLost();
  }
}
