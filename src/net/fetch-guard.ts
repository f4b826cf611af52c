// Holds outgoing requests to the rules of what may be fetched: the URL before anything is sent, and each address when a connection is made,
// since a name may resolve to another address from one moment to the next.

import { type LookupAddress, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { type FetchRule, type Refusal, refusalOfAddress, refusalOfHost } from "../runtime/fetch-rule.ts";

export interface FetchGuardOptions {
  readonly rules: readonly FetchRule[];
  /** Whether addresses of this machine may be reached where no rule says: others must not get at what listens here for itself. */
  readonly loopback: boolean;
  /** Of the system, for all addresses of a name. */
  readonly resolve?: typeof lookup;
}

export class FetchGuard {
  readonly #options: FetchGuardOptions;

  constructor(options: FetchGuardOptions) {
    this.#options = options;
  }

  refuses(url: URL): boolean {
    return this.#refusalOf(url) !== undefined;
  }

  /** Errors: `rule-refused`. */
  check(url: URL): void {
    const why = this.#refusalOf(url);
    if (why !== undefined) throw refused(url.host, why);
  }

  /** For whoever connects to a name; addresses as such are `check`'s. Fails with `rule-refused` where no address is left. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const { rules, loopback, resolve = lookup } = this.#options;
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      let why: Refusal | undefined;
      const open: LookupAddress[] = [];
      for (const found of addresses) {
        const refusal = refusalOfAddress(rules, loopback, found.address);
        if (refusal === undefined) open.push(found);
        why ??= refusal;
      }
      const [first] = open;
      if (first === undefined) callback(refused(hostname, why ?? "a rule denies it"), "");
      else if (options.all === true) callback(null, open);
      else callback(null, first.address, first.family);
    });
  };

  #refusalOf(url: URL): Refusal | undefined {
    return refusalOfHost(this.#options.rules, this.#options.loopback, url);
  }
}

function refused(host: string, why: Refusal): DragonflyError {
  return new DragonflyError("rule-refused", `${host} may not be read from here: ${why} (see --fetch-rule)`);
}
