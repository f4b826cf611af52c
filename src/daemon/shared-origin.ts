// The origin as a download reads it that has lost every seed: part by part, as its machine decides, each checked against what is signed.

import { setTimeout as sleep } from "node:timers/promises";
import { DragonflyError } from "../core/error.ts";
import type { PieceIndex } from "../core/ids.ts";
import type { OriginPart } from "../core/origin-turns.ts";
import { isUnanswered } from "../origin/origin-error.ts";
import type { OriginReadResult } from "../origin/origin-reader.ts";
import { outageMs } from "../origin/retry.ts";
import type { Manifest } from "../wire/manifest.ts";
import type { OriginDownload } from "./origin-download.ts";
import type { RestOfOrigin } from "./own-origin.ts";

/** Asks the origin on this host's account; rejects with `no-source` where the user forbids it. */
export type OpenOrigin = (download: {
  readonly manifest: Manifest;
  readonly onPiece: (piece: PieceIndex) => void;
}) => Promise<RestOfOrigin>;

/** It is nobody's last word while a supernode may come. */
export function mayPass(error: DragonflyError): boolean {
  return error.code === "no-source" || isUnanswered(error);
}

/** Until it is asked again, which may fail at once. */
export const awayMs = 250;

export class SharedOrigin {
  readonly #open: () => Promise<RestOfOrigin>;
  #rest: Promise<RestOfOrigin> | undefined;
  #reading: OriginDownload | undefined;
  #awaySinceMs: number | undefined;
  #stopped = false;

  constructor(open: () => Promise<RestOfOrigin>) {
    this.#open = open;
  }

  /**
   * One part at a time. Undefined when it was stopped, "away" when nothing answers there, or the user forbids it: it may be this host that is cut
   * off, or a supernode that starts anew, and the next to be reached may be a supernode. Rejects with the origin's fault.
   */
  async read(part: OriginPart): Promise<OriginReadResult | "away" | undefined> {
    const rest = await this.#opened();
    if (this.#stopped) return undefined;
    if (rest === "away") return rest;
    this.#reading = rest.download(part);
    const result = await this.#reading.run();
    return this.#stopped ? undefined : result;
  }

  async #opened(): Promise<RestOfOrigin | "away"> {
    this.#rest ??= this.#open();
    try {
      const rest = await this.#rest;
      this.#awaySinceMs = undefined;
      return rest;
    } catch (thrown) {
      this.#rest = undefined;
      const now = performance.now();
      this.#awaySinceMs ??= now;
      if (!mayPass(DragonflyError.from(thrown)) || now - this.#awaySinceMs >= outageMs) throw thrown;
      await sleep(awayMs, undefined, { ref: false });
      return "away";
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#reading?.stop();
  }
}
