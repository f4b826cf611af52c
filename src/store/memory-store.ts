// A store whose pieces are gone with the process: for tests, simulations and hosts without a disk. It behaves as the disk store does.

import type { PieceIndex } from "../core/ids.ts";
import type { VersionRecord } from "../core/version.ts";
import { DigestTable } from "./digest-table.ts";
import { newFacts, PieceHolding } from "./piece-holding.ts";
import { type Now, PieceStore } from "./piece-store.ts";

export interface MemoryStoreOptions {
  /** Most bytes to keep; 0 is unlimited. */
  readonly quotaBytes: number;
  readonly now?: Now;
}

export class MemoryStore extends PieceStore<MemoryHolding> {
  constructor(options: MemoryStoreOptions) {
    super({ quotaBytes: options.quotaBytes, now: options.now ?? Date.now });
  }

  protected async make(version: VersionRecord): Promise<MemoryHolding> {
    return new MemoryHolding(this, newFacts(version, this.now()));
  }

  protected async discard(): Promise<void> {}

  protected readonly place = "memory";

  protected async lackingBytes(): Promise<number> {
    return 0;
  }

  protected hasRoom(): boolean {
    return true;
  }

  protected takeRoom(): boolean {
    return true;
  }

  protected async shut(): Promise<void> {}
}

class MemoryHolding extends PieceHolding {
  readonly file = undefined;
  readonly #pieces = new Map<PieceIndex, Uint8Array>();
  readonly #digests = new DigestTable();

  pieceDigest(index: PieceIndex): Uint8Array | undefined {
    return this.held.has(index) ? this.#digests.get(index) : undefined;
  }

  protected async put(index: PieceIndex, bytes: Uint8Array): Promise<void> {
    // Not slice(): that of a Buffer is no copy.
    this.#pieces.set(index, new Uint8Array(bytes));
  }

  protected record(index: PieceIndex, digest: Uint8Array): void {
    this.#digests.set(index, digest);
  }

  protected async fetch(offset: number, into: Uint8Array, length: number): Promise<void> {
    const { pieceLength } = this.version;
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const within = at % pieceLength;
      const piece = this.#pieces.get(Math.floor(at / pieceLength));
      if (piece === undefined) return;
      const part = piece.subarray(within, within + length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  protected async commit(): Promise<void> {}

  protected forget(): void {
    this.#pieces.clear();
  }
}
