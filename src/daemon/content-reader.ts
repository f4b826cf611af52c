// Reads a part of a version in order while its pieces still arrive. It holds one chunk at most, says where it is, so that what it
// waits for is fetched first, and ends its use of the transfer when its consumer leaves.

import { Readable } from "node:stream";
import { DragonflyError } from "../core/error.ts";
import type { Ticket } from "./transfers.ts";

export interface ContentReaderOptions {
  /** First byte, and the last one; null is the end of the content. */
  readonly first?: number;
  readonly last?: number | null;
  /** Awaited before the last bytes of the content are given; the reader fails where it rejects. Not for a part that ends earlier. */
  readonly beforeEnd?: () => Promise<void>;
}

const chunkBytes = 256 * 1024;
/** One on its way out, one being filled, one in the stream's queue. */
const maxSpare = 3;

export class ContentReader extends Readable {
  readonly #source: Pick<Ticket, "holding" | "transfer">;
  readonly #last: number;
  readonly #beforeEnd: () => Promise<void>;
  readonly #leave: () => void;
  readonly #spare: Buffer[] = [];
  #at: number;
  /** `hungry`: the consumer wants bytes that are not there yet. */
  #state: "idle" | "hungry" | "reading" = "idle";

  constructor(source: Pick<Ticket, "holding" | "transfer">, options: ContentReaderOptions = {}) {
    super({ highWaterMark: chunkBytes });
    const { holding, transfer } = source;
    this.#source = source;
    this.#at = options.first ?? 0;
    this.#last = options.last ?? Number.POSITIVE_INFINITY;
    this.#beforeEnd = options.beforeEnd ?? (async () => {});
    const uses = [holding.acquire(), transfer?.use()];
    const forget = holding.onGained(() => this.#look());
    this.#leave = () => {
      forget();
      if (transfer?.state === "running") transfer.readAt(undefined);
      for (const release of uses) release?.();
    };
    transfer?.readAt(this.#at, this.#last);
    transfer?.finished.then(
      () => this.#look(),
      (error: DragonflyError) => this.destroy(error),
    );
  }

  /** A chunk is not needed any more: its memory takes the next one, which spares the collector a gigabyte in a gigabyte. */
  giveBack(chunk: Buffer): void {
    if (chunk.buffer.byteLength === chunkBytes && this.#spare.length < maxSpare)
      this.#spare.push(Buffer.from(chunk.buffer));
  }

  override _read(): void {
    if (this.#state !== "idle") return;
    this.#state = "hungry";
    this.#look();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leave();
    done(error);
  }

  #look(): void {
    if (this.#state !== "hungry" || this.destroyed) return;
    const length = this.#readable();
    if (length === undefined) return;
    this.#state = "reading";
    this.#give(length).catch((error: unknown) => this.destroy(DragonflyError.from(error)));
  }

  /** Bytes that can be given now; 0 at the end, undefined while they are to be waited for. */
  #readable(): number | undefined {
    const { holding, transfer } = this.#source;
    const { length, pieceLength } = holding.version;
    const arriving = transfer?.state === "running";
    const end = Math.min(this.#last + 1, length ?? holding.endBytes);
    if (this.#at >= end && !(length === null && arriving)) return 0;
    const piece = Math.floor(this.#at / pieceLength);
    if (!holding.held.has(piece)) {
      if (arriving) transfer.readAt(this.#at, this.#last);
      // Why a transfer failed is told by its end.
      else if (transfer?.state !== "failed")
        this.destroy(new DragonflyError("not-found", `byte ${this.#at} of the content is not on this host`));
      return undefined;
    }
    const within = Math.min((piece + 1) * pieceLength, end);
    // Of an unknown length the last bytes are not known to be the last before the transfer's end.
    if (length === null && arriving && within === holding.endBytes) return undefined;
    return Math.min(chunkBytes, within - this.#at);
  }

  async #give(length: number): Promise<void> {
    const { holding } = this.#source;
    const isEnd = this.#at + length >= (holding.version.length ?? holding.endBytes);
    const memory =
      length > chunkBytes / 2 ? (this.#spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)) : Buffer.allocUnsafe(length);
    const chunk = memory.subarray(0, length);
    await holding.readAt(this.#at, chunk, length);
    if (isEnd) await this.#beforeEnd();
    if (this.destroyed) return;
    this.#at += length;
    this.#state = "idle";
    if (length > 0) this.push(chunk);
    if (isEnd || this.#at > this.#last) this.push(null);
  }
}
