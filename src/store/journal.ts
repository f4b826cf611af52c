// Remembers on disk which pieces are held. It only claims: it is written some time after the bytes, without fsync, and after
// a crash of the machine each claim is proved by hashing (recovery.ts). What a killed process loses are the last 200 ms or 8 pieces.

import { open } from "node:fs/promises";
import type { PieceIndex } from "../core/ids.ts";
import { encodeHeader, encodeRecords, headerBytes, type JournalRecord, recordBytes } from "./journal-format.ts";
import { replaceFile } from "./version-file.ts";

/** Each flush opens, writes and closes: for every piece that would cost a slow download more than the piece itself. */
const flushDelayMs = 200;
const flushRecords = 8;

export class Journal {
  readonly #path: string;
  readonly #pending: JournalRecord[] = [];
  #endBytes: number;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #stopped = false;

  constructor(path: string, endBytes: number = headerBytes) {
    this.#path = path;
    this.#endBytes = endBytes;
  }

  /** Written within 200 ms, or when `flush` resolves. */
  append(index: PieceIndex, digest: Uint8Array): void {
    if (this.#stopped) return;
    this.#pending.push({ index, digest: new Uint8Array(digest) });
    if (this.#pending.length >= flushRecords) this.#flushSoon(0);
    else this.#flushSoon(flushDelayMs);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#flushing !== undefined) await this.#flushing.catch(() => {});
    if (this.#pending.length === 0) return;
    this.#flushing = this.#write();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
    if (this.#pending.length > 0) this.#flushSoon(flushDelayMs);
  }

  /** Nothing is written from now on: the files are about to go. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#pending.length = 0;
    await this.#flushing?.catch(() => {});
  }

  #flushSoon(delayMs: number): void {
    if (this.#flushing !== undefined) return;
    if (delayMs > 0 && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    // What cannot be written now stays pending, and `finish` tells when it still cannot.
    this.#timer = setTimeout(() => this.flush().catch(() => {}), delayMs);
  }

  /** At a position of our own rather than in append mode: a record torn by a full disk is overwritten by the next attempt. */
  async #write(): Promise<void> {
    const records = this.#pending.slice();
    const file = await open(this.#path, "r+");
    try {
      const block = encodeRecords(records);
      for (let done = 0; done < block.length; ) {
        const { bytesWritten } = await file.write(block, done, block.length - done, this.#endBytes + done);
        done += bytesWritten;
      }
    } finally {
      await file.close();
    }
    this.#endBytes += records.length * recordBytes;
    this.#pending.splice(0, records.length);
  }
}

/** A journal of just these records, in place of what is there. */
export async function writeJournal(path: string, boot: string, records: readonly JournalRecord[]): Promise<void> {
  await replaceFile(path, Buffer.concat([encodeHeader(boot), encodeRecords(records)]), false);
}
