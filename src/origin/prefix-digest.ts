// SHA-256 of a content whose parts may arrive in any order: it takes what continues the prefix it has, and leaves the rest to be offered
// again.

import { createHash } from "node:crypto";

export class PrefixDigest {
  readonly #hash = createHash("sha256");
  #at = 0;

  /** How many bytes from the content's start are in it. */
  get at(): number {
    return this.#at;
  }

  offer(position: number, bytes: Uint8Array): void {
    const known = this.#at - position;
    if (known < 0 || known >= bytes.length) return;
    this.#hash.update(known === 0 ? bytes : bytes.subarray(known));
    this.#at = position + bytes.length;
  }

  /** Of the prefix so far, 64 hexadecimal digits; more may be offered afterwards. */
  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}
