// Copies pieces from a version to an output as they become known, one range at a time, while the daemon goes on fetching others.

import { DragonflyError } from "../core/error.ts";
import type { Accepted, PieceRange } from "../wire/local-api.ts";
import type { Output } from "./output.ts";
import { PieceHashes } from "./piece-hashes.ts";
import type { VersionContent } from "./version-content.ts";

/** Pieces copied in one go, so that a stop is heard soon. */
const maxRun = 64;

export class PieceCopier {
  #content: VersionContent;
  /** To read from instead, once what is being copied is. */
  #nextContent: VersionContent | undefined;
  readonly #output: Output;
  readonly #pieceLength: number;
  readonly #stop = new AbortController();
  /** Verified, not yet copied; in the order they became known. */
  readonly #waiting = new Set<number>();
  readonly #copied = new Set<number>();
  readonly #hashes: PieceHashes;
  readonly #running: Promise<void>;
  #length: number | null;
  #wake: () => void = () => {};
  #state: "open" | "complete" = "open";

  /** `onFailure` hears at once why copying cannot go on; `complete` rejects with the same. */
  constructor(version: Accepted, content: VersionContent, output: Output, onFailure: (error: unknown) => void) {
    this.#content = content;
    this.#output = output;
    this.#pieceLength = version.pieceLength;
    this.#hashes = new PieceHashes(version.pieceLength);
    this.#length = version.length;
    this.#running = this.#run();
    this.#running.catch(onFailure);
  }

  /** Another daemon tells from here on what it holds, and has the version elsewhere perhaps. */
  readFrom(content: VersionContent): void {
    this.#waiting.clear();
    void this.#nextContent?.close();
    this.#nextContent = content;
    this.#wake();
  }

  /** A version's length may come to light while it is read. */
  lengthKnown(length: number | null): void {
    this.#length ??= length;
  }

  gained(ranges: readonly PieceRange[]): void {
    for (const [from, to] of ranges) {
      for (let index = from; index < to; index++) if (!this.#copied.has(index)) this.#waiting.add(index);
    }
    this.#wake();
  }

  /** All pieces can be read, told or not. Resolves when the output has every byte. */
  async complete(bytes: number): Promise<void> {
    this.#length = bytes;
    this.#state = "complete";
    this.gained([[0, Math.ceil(bytes / this.#pieceLength)]]);
    await this.#running;
  }

  /** Of what was written, once it is complete. */
  get piecesDigest(): string | undefined {
    return this.#hashes.all;
  }

  /** Ends copying, whether complete or not, and gives the content free. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running.catch(() => {});
    await this.#nextContent?.close();
    await this.#content.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const run = this.#nextContent === undefined ? this.#next() : undefined;
      if (this.#nextContent !== undefined) await this.#turn(this.#nextContent);
      else if (run !== undefined) await this.#copy(run, signal);
      else if (this.#state === "complete") return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async #turn(content: VersionContent): Promise<void> {
    this.#nextContent = undefined;
    const before = this.#content;
    this.#content = content;
    await before.close();
  }

  #next(): PieceRange | undefined {
    const [oldest] = this.#waiting;
    const from = this.#output.ordered ? this.#copied.size : oldest;
    if (from === undefined || !this.#waiting.has(from)) return undefined;
    let to = from;
    while (to - from < maxRun && this.#waiting.delete(to)) this.#copied.add(to++);
    return [from, to];
  }

  async #copy([from, to]: PieceRange, signal: AbortSignal): Promise<void> {
    let position = from * this.#pieceLength;
    const end = Math.min(to * this.#pieceLength, this.#length ?? Number.POSITIVE_INFINITY);
    if (position >= end) return;
    for await (const chunk of this.#content.read(position, end, signal)) {
      this.#hashes.add(chunk, position);
      await this.#output.write(chunk, position);
      position += chunk.length;
    }
    this.#hashes.end(position);
    // While the length was unknown, the last piece is shorter than it could be.
    if (position < Math.min(end, this.#length ?? position)) {
      throw new DragonflyError("protocol-violation", `the daemon gave its content up to ${position}, not ${end}`);
    }
  }
}
