// The certificates with which listed hosts are answered for: made when they are needed, kept for a day at most, so many at a time.

import { createSecureContext, type SecureContext } from "node:tls";
import type { Authority } from "./authority.ts";

const maxKept = 256;
/** Well before it ends: a client's clock may differ. */
const renewAfterMs = 24 * 3_600_000;

interface Kept {
  readonly context: Promise<SecureContext>;
  readonly madeAtMs: number;
}

export class LeafCertificates {
  readonly #authority: Pick<Authority, "issue">;
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(authority: Pick<Authority, "issue">, nowMs: () => number = Date.now) {
    this.#authority = authority;
    this.#nowMs = nowMs;
  }

  /** Made once for all who ask at the same moment. */
  contextFor(host: string): Promise<SecureContext> {
    const known = this.#kept.get(host);
    this.#kept.delete(host);
    const now = this.#nowMs();
    const fresh = known !== undefined && now - known.madeAtMs < renewAfterMs;
    const kept = fresh ? known : { context: this.#make(host), madeAtMs: now };
    this.#kept.set(host, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) break;
      this.#kept.delete(oldest);
    }
    return kept.context;
  }

  async #make(host: string): Promise<SecureContext> {
    try {
      return createSecureContext(await this.#authority.issue(host));
    } catch (error) {
      this.#kept.delete(host);
      throw error;
    }
  }
}
