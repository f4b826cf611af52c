// Answers a supernode that rebuilds a task: which pieces of it this host holds, and what supernodes signed of it.

import type { HostId, VersionId } from "../core/ids.ts";
import type { Store } from "../store/store.ts";
import type { SignedPart } from "../wire/control.ts";
import { runsOf } from "../wire/manifest.ts";
import { type ManifestArchive, maxSignedBytes } from "./manifest-archive.ts";
import type { Supernodes } from "./supernodes.ts";
import type { Transfers } from "./transfers.ts";

export interface RecollectionOptions {
  readonly supernodes: Supernodes;
  readonly store: Store;
  readonly archive: ManifestArchive;
  readonly transfers: Transfers;
}

export class Recollection {
  readonly #options: RecollectionOptions;

  constructor(options: RecollectionOptions) {
    this.#options = options;
  }

  /** Tells the supernode; a version that is not held has no pieces. */
  async tell(version: VersionId, to: HostId): Promise<void> {
    const { supernodes, store, archive, transfers } = this.#options;
    const kept = await archive.read(version);
    const signed = [...kept, ...(transfers.signed(version) ?? [])];
    const holding = store.find(version);
    supernodes.send(
      {
        type: "recalled",
        version,
        pieceLength: holding?.version.pieceLength ?? 0,
        held: holding === undefined ? [] : runsOf(holding.held),
        signed: withinLimit(signed),
      },
      to,
    );
  }
}

/** As many as a control message has room for. */
function withinLimit(signed: readonly SignedPart[]): SignedPart[] {
  let bytes = 0;
  return signed.filter(({ part }) => {
    bytes += 512 + (part.batch?.digests.length ?? 0) + (part.batch?.runs.length ?? 0) * 24;
    return bytes <= maxSignedBytes;
  });
}
