// A running download that began at the origin alone turns to a supernode that is there by now.

import type { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import { countPieces } from "../core/version.ts";
import type { Log } from "../runtime/log.ts";
import type { TaskRequest } from "../wire/task-key.ts";
import type { LoneDownload } from "./lone-download.ts";
import type { Registration, Supernodes } from "./supernodes.ts";
import type { Transfer } from "./transfer.ts";

export interface Loner {
  readonly transfer: Transfer;
  readonly lone: LoneDownload;
  readonly request: TaskRequest;
}

/** Where it is registered, once nothing comes from the origin any more; undefined where it goes on there. Never rejects. */
export async function enterSwarm(
  { transfer, lone, request }: Loner,
  { supernodes, log }: { readonly supernodes: Supernodes; readonly log: Log },
  signal: AbortSignal,
): Promise<Registration | undefined> {
  const { id: version, taskId: task, pieceLength } = transfer.holding.version;
  try {
    // With the version it hears that some of it is here, and does not wait for somebody to take that.
    const found = await supernodes.register(task, request, { signal, version });
    const same = found.task.version === version && found.task.pieceLength === pieceLength;
    if (same && (await lone.leave())) {
      log.info("download turns to the swarm", { version, supernode: found.supernode.url });
      return found;
    }
    supernodes.send({ type: "leave", version: found.task.version }, found.supernode.host);
  } catch (thrown) {
    log.warn("download has no supernode", { version, error: DragonflyError.from(thrown).message });
  }
  return undefined;
}

/** What those who began alone wait for: they have the front already. */
export function restOf({ holding }: Transfer): { readonly from: PieceIndex; readonly to: PieceIndex } {
  const { length, pieceLength } = holding.version;
  return { from: firstMissing(holding.held), to: countPieces(length ?? 0, pieceLength) };
}

function firstMissing(held: Bitset): PieceIndex {
  let piece = 0;
  while (held.has(piece)) piece++;
  return piece;
}
