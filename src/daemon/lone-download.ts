// A version that is read from the origin alone, for want of a supernode. When one is there it may go on in the swarm: each host that began
// alone would read all of it.

import { DragonflyError } from "../core/error.ts";
import { finishHolding } from "../store/finish-holding.ts";
import type { Store } from "../store/store.ts";
import type { OriginDownload } from "./origin-download.ts";
import type { Transfer } from "./transfer.ts";

export interface LoneDownloadOptions {
  readonly transfer: Transfer;
  readonly download: OriginDownload;
  readonly store: Store;
}

/** Less is sooner read than asked for. */
const fewBytes = 16 * 1024 * 1024;

export class LoneDownload {
  readonly #options: LoneDownloadOptions;
  #state: "reading" | "left" | "over" = "reading";
  #read: Promise<void> = Promise.resolve();

  constructor(options: LoneDownloadOptions) {
    this.#options = options;
  }

  /** Ends the transfer, well or not, unless it is left before. */
  start(): void {
    this.#options.transfer.drive(this.#options.download);
    this.#read = this.#run();
  }

  /** Whether the swarm is the better way: a supernode reads all of it once, whatever is here already. */
  get isYoung(): boolean {
    const { length, pieceLength } = this.#options.transfer.holding.version;
    if (this.#state !== "reading" || length === null) return false;
    const heldBytes = this.#options.transfer.holding.held.count * pieceLength;
    return heldBytes < length / 2 && length - heldBytes > fewBytes;
  }

  /** Resolves when nothing of it comes any more: to true where it is another's to go on, false where it has come to its end. */
  async leave(): Promise<boolean> {
    if (this.#state !== "reading") return false;
    this.#state = "left";
    this.#options.download.stop();
    await this.#read;
    return this.#options.transfer.state === "running";
  }

  async #run(): Promise<void> {
    const { transfer, download, store } = this.#options;
    try {
      const finished = await download.run();
      if (this.#state === "left") return;
      this.#state = "over";
      await finishHolding(store, transfer.holding, finished);
      transfer.succeed();
    } catch (error) {
      if (this.#state !== "left") transfer.fail(DragonflyError.from(error));
    }
  }
}
