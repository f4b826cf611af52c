// Tells one local client how its download goes, as JSON lines: what is verified since the last line, and how it ended. A client that reads
// slowly gets fewer and longer lines.

import type { ServerResponse } from "node:http";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { countPieces } from "../core/version.ts";
import { untilAborted } from "../runtime/until-aborted.ts";
import type { DownloadEvent, DownloadRequest, PieceRange } from "../wire/local-api.ts";
import { piecesDigest } from "../wire/pieces-digest.ts";
import type { Ticket } from "./transfers.ts";

/** Lines are so far apart, but for the first: each wakes two processes. Who wants the bytes in order waits for each of them. */
const gatherMs = { any: 300, stream: 50 } as const;
/** So much is told at once, so that little is left to copy when the last piece has come. */
const enoughBytes = 8 << 20;

export class Delivery {
  readonly #response: ServerResponse;
  readonly #ticket: Ticket;
  readonly #gatherMs: number;
  /** Verified and not told. */
  readonly #news = new Bitset();
  #timer: NodeJS.Timeout | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(response: ServerResponse, ticket: Ticket, order: DownloadRequest["order"]) {
    this.#response = response;
    this.#ticket = ticket;
    this.#gatherMs = gatherMs[order];
  }

  /** Runs to the end of the download or until the signal fires; the last line is `done` or `failed`. */
  async run(expectedDigest: string | undefined, signal: AbortSignal): Promise<void> {
    const { holding, transfer, note, displayUrl } = this.#ticket;
    const { id: versionId, taskId, length, pieceLength } = holding.version;
    const release = transfer === undefined ? holding.acquire() : transfer.use();
    const forget = holding.onGained((piece) => this.#gained(piece));
    try {
      const file = holding.file ?? null;
      this.#tell({ type: "accepted", taskId, versionId, url: displayUrl, length, pieceLength, file });
      if (note !== undefined) this.#tell({ type: "note", message: note });
      for (const piece of holding.held) this.#news.add(piece);
      this.#flush();
      await untilAborted(transfer?.finished ?? Promise.resolve(), signal);
      this.#flush();
      this.#done(expectedDigest);
    } catch (error) {
      this.#tell({ type: "failed", error: DragonflyError.from(error).toJSON() });
    } finally {
      clearTimeout(this.#timer);
      forget();
      release();
    }
  }

  #done(expectedDigest: string | undefined): void {
    const { holding, transfer } = this.#ticket;
    const digest = holding.digest === undefined ? null : `sha256:${holding.digest}`;
    if (expectedDigest !== undefined && digest !== null && digest !== expectedDigest) {
      const message = `the content has the digest ${digest}, not ${expectedDigest} as asked for`;
      throw new DragonflyError("digest-mismatch", message);
    }
    const { length, pieceLength } = holding.version;
    const pieces = piecesDigest(countPieces(length ?? 0, pieceLength), (piece) => holding.pieceDigest(piece));
    this.#tell({
      type: "done",
      bytes: length ?? 0,
      digest,
      ...(pieces === undefined ? {} : { piecesDigest: pieces }),
      reused: transfer === undefined,
      from: transfer?.from ?? { peers: 0, supernode: 0, origin: 0 },
      peers: transfer?.peers ?? 0,
      ...(transfer?.watch === undefined ? {} : { explanation: transfer.watch.explanation }),
    });
  }

  #gained(piece: number): void {
    this.#news.add(piece);
    if (this.#news.count * this.#ticket.holding.version.pieceLength >= enoughBytes) return this.#flush();
    const dueMs = this.#toldAtMs + this.#gatherMs;
    this.#timer ??= setTimeout(() => this.#flush(), Math.max(0, dueMs - performance.now()));
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { holding, transfer } = this.#ticket;
    if (this.#news.count === 0) return;
    if (this.#response.writableNeedDrain) {
      this.#timer = setTimeout(() => this.#flush(), this.#gatherMs);
      return;
    }
    this.#toldAtMs = performance.now();
    const pieces = rangesOf(this.#news);
    this.#news.clear();
    const { length, pieceLength } = holding.version;
    this.#tell({
      type: "progress",
      bytes: Math.min(holding.held.count * pieceLength, length ?? Number.POSITIVE_INFINITY),
      length,
      pieces,
      from: transfer?.from ?? { peers: 0, supernode: 0, origin: 0 },
      peers: transfer?.peers ?? 0,
      rateBytesPerSecond: Math.round(transfer?.rateBytesPerSecond ?? 0),
    });
  }

  #tell(event: DownloadEvent): void {
    if (!this.#response.writableEnded) this.#response.write(`${JSON.stringify(event)}\n`);
  }
}

function rangesOf(pieces: Bitset): PieceRange[] {
  const ranges: [number, number][] = [];
  for (const piece of pieces) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[1] === piece) last[1] = piece + 1;
    else ranges.push([piece, piece + 1]);
  }
  return ranges;
}
