// Where the supernodes are: the configured ones, names resolved to all their addresses, and again every so often, so that a DNS name is a
// cluster's membership.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { DragonflyError } from "../core/error.ts";
import { addressOfUrl, formatAddress } from "../runtime/address.ts";
import type { Log } from "../runtime/log.ts";

/** All addresses of a name. Errors: those of the resolver. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export interface MembershipOptions {
  /** `http://host:port` or `https://host:port` each. */
  readonly urls: readonly string[];
  readonly log: Log;
  /** Told of all members, by address, when they are known and whenever they changed. */
  readonly onMembers: (urls: ReadonlySet<string>) => void;
  readonly resolve?: Resolve;
  readonly resolveEveryMs?: number;
}

const firstRetryMs = 500;
/** A name that stands for more supernodes than this is mistaken. */
const maxAddresses = 64;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #everyMs: number;
  /** By configured URL, as last resolved. */
  readonly #addresses = new Map<string, readonly string[]>();
  #retryMs = firstRetryMs;
  #timer: NodeJS.Timeout | undefined;
  #told = "";
  #closed = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#everyMs = options.resolveEveryMs ?? 20_000;
  }

  /** Resolves every name once, then on and on; resolves when the first round is over. */
  async start(): Promise<void> {
    await this.#round();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    const names = this.#options.urls.filter((url) => !isLiteral(url));
    await Promise.all(this.#options.urls.map((url) => this.#resolve(url)));
    if (this.#closed) return;
    this.#tell();
    if (names.length === 0) return;
    const known = names.every((url) => this.#addresses.has(url));
    this.#retryMs = known ? firstRetryMs : Math.min(this.#everyMs, this.#retryMs * 2);
    const pauseMs = (known ? this.#everyMs : this.#retryMs) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.#round(), pauseMs).unref();
  }

  /** What was known stays while the resolver fails: it is not the supernodes' fault. */
  async #resolve(url: string): Promise<void> {
    if (isLiteral(url)) return void this.#addresses.set(url, [url]);
    const { host: name, port } = addressOfUrl(url);
    try {
      const found = await (this.#options.resolve ?? allAddresses)(name);
      const addresses = found.slice(0, maxAddresses).sort();
      this.#addresses.set(
        url,
        addresses.map((host) => `${new URL(url).protocol}//${formatAddress({ host, port })}`),
      );
    } catch (error) {
      this.#options.log.warn("supernode name not resolved", { url, error: DragonflyError.from(error).message });
    }
  }

  #tell(): void {
    const members = new Set([...this.#addresses.values()].flat());
    const text = [...members].join();
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onMembers(members);
  }
}

function isLiteral(url: string): boolean {
  return isIP(addressOfUrl(url).host) !== 0;
}

async function allAddresses(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}
