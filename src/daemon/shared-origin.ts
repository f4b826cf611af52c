// The origin as a download reads it that has lost every seed: part by part, as its machine decides, each checked against what is signed.

import type { PieceIndex } from "../core/ids.ts";
import type { OriginPart } from "../core/origin-turns.ts";
import type { OriginReadResult } from "../origin/origin-reader.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { OriginDownload } from "./origin-download.ts";
import type { RestOfOrigin } from "./own-origin.ts";

/** Asks the origin on this host's account; rejects with `no-source` where the user forbids it. */
export type OpenOrigin = (download: {
  readonly manifest: Manifest;
  readonly onPiece: (piece: PieceIndex) => void;
}) => Promise<RestOfOrigin>;

export class SharedOrigin {
  readonly #open: () => Promise<RestOfOrigin>;
  #rest: Promise<RestOfOrigin> | undefined;
  #reading: OriginDownload | undefined;
  #stopped = false;

  constructor(open: () => Promise<RestOfOrigin>) {
    this.#open = open;
  }

  /** One part at a time. Undefined when it was stopped. Rejects with the origin's fault. */
  async read(part: OriginPart): Promise<OriginReadResult | undefined> {
    this.#rest ??= this.#open();
    const rest = await this.#rest;
    if (this.#stopped) return undefined;
    this.#reading = rest.download(part);
    const result = await this.#reading.run();
    return this.#stopped ? undefined : result;
  }

  stop(): void {
    this.#stopped = true;
    this.#reading?.stop();
  }
}
