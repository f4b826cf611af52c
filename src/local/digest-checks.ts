// The digests that a content is asked to have, computed while it passes in order.

import { createHash, type Hash } from "node:crypto";
import type { Digest } from "../runtime/get-kinds.ts";
import { mismatch } from "./output.ts";

export class DigestChecks {
  readonly #checks: readonly { readonly digest: Digest; readonly hash: Hash }[];

  constructor(digests: readonly Digest[]) {
    this.#checks = digests.map((digest) => ({ digest, hash: createHash(digest.algorithm) }));
  }

  update(bytes: Uint8Array): void {
    for (const { hash } of this.#checks) hash.update(bytes);
  }

  /** Once, at the end. Errors: `digest-mismatch`. */
  verify(): void {
    for (const { digest, hash } of this.#checks) {
      const actual = hash.digest("hex");
      if (actual !== digest.hex) throw mismatch(digest, actual);
    }
  }
}
