// A download's manifest as supernodes told it, and their signed words themselves, so that they can be told again to one that takes over.

import type { SignedPart } from "../wire/control.ts";
import { Manifest, type ManifestPart, type PieceRun } from "../wire/manifest.ts";
import type { SupernodeIdentity } from "./supernode-link.ts";

/** What a part added. */
export interface Learned {
  readonly runs: readonly PieceRun[];
  readonly sealed: boolean;
}

export class SignedManifest extends Manifest {
  readonly #signed: SignedPart[] = [];

  get signed(): readonly SignedPart[] {
    return this.#signed;
  }

  /** Errors: `protocol-violation`; `origin-changed` where two supernodes contradict each other. */
  learn(part: ManifestPart, { key, keyText }: Pick<SupernodeIdentity, "key" | "keyText">): Learned {
    const { batch, seal } = part;
    if (batch !== undefined && this.accept(batch, key)) this.#signed.push({ key: keyText, part: { batch } });
    const sealed = seal !== undefined && this.end === undefined;
    if (sealed) {
      this.acceptSeal(seal, key);
      this.#signed.push({ key: keyText, part: { seal } });
    }
    return { runs: batch?.runs ?? [], sealed };
  }
}
