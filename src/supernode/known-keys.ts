// Whose signatures on manifests this supernode takes besides its own: those of supernodes that most of its hosts have met. One host could
// invent a key, and with it digests; so it takes two at least, and more than half of all that are connected.

import type { HostId } from "../core/ids.ts";

const minWitnesses = 2;

export class KnownKeys {
  readonly #own: string;
  readonly #byHost = new Map<HostId, ReadonlySet<string>>();

  /** Keys are SPKI in base64, as they travel. */
  constructor(own: string) {
    this.#own = own;
  }

  /** What a connected host says that it has met, in place of what it said before. */
  learn(host: HostId, keys: readonly string[]): void {
    this.#byHost.set(host, new Set(keys));
  }

  /** It is not connected any more. */
  forget(host: HostId): void {
    this.#byHost.delete(host);
  }

  /** Some host has met another supernode. */
  get hasOthers(): boolean {
    for (const keys of this.#byHost.values()) if (keys.size > (keys.has(this.#own) ? 1 : 0)) return true;
    return false;
  }

  trusts(key: string): boolean {
    if (key === this.#own) return true;
    let witnesses = 0;
    for (const keys of this.#byHost.values()) if (keys.has(key)) witnesses++;
    return witnesses >= minWitnesses && witnesses * 2 > this.#byHost.size;
  }
}
