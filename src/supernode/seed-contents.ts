// Content that the seed is made to have for nobody in particular: begun, and read where somebody needs to know what is in it.

import { DragonflyError } from "../core/error.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { Assignment } from "./preheat-assignment.ts";
import type { SeedLease, SeedLeases } from "./seed-leases.ts";

/** Registries refuse larger manifests, at 4 MiB as a rule. */
const maxManifestBytes = 8 << 20;

export class SeedContents {
  readonly #leases: Pick<SeedLeases, "take">;

  constructor(leases: Pick<SeedLeases, "take">) {
    this.#leases = leases;
  }

  /** Errors: what the origin refuses with. */
  async begin(assignment: Assignment, signal: AbortSignal): Promise<SeedLease> {
    const { task } = await assignment.ask(signal);
    return this.#leases.take(task, signal);
  }

  /** Errors: those of the origin, `digest-mismatch`. */
  async readManifest(assignment: Assignment, signal: AbortSignal): Promise<Uint8Array> {
    const lease = await this.begin(assignment, signal);
    try {
      const { holding, version, finished } = lease.seed;
      if ((version.length ?? 0) > maxManifestBytes) throw tooLarge();
      await untilAborted(finished, signal);
      const length = version.length ?? holding.endBytes;
      if (length > maxManifestBytes) throw tooLarge();
      const bytes = Buffer.alloc(length);
      await holding.readAt(0, bytes, length);
      return bytes;
    } finally {
      lease.leave();
    }
  }
}

function tooLarge(): DragonflyError {
  return new DragonflyError("origin-refused", `the manifest is larger than ${maxManifestBytes >> 20} MiB`);
}
