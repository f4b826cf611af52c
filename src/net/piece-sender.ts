// The uplink of a host: one line of admitted pieces for all links, sent in the order they were admitted. A piece whose receiver is
// not ready lets the next one pass, so the uplink rests only when there is nothing to send or the limit says so.
//
// A piece goes through: waiting -> reading -> sending -> sent -> gone. It keeps its place in the admission queue until its receiver
// says that it has arrived: what sits in the kernel's buffer is still ahead of the next asker, and counting it keeps the line short.

import { type Admission, type AdmissionRequest, type UploadLimits, UploadQueue } from "../core/upload-queue.ts";
import { encodeFrame, maxPartBytes } from "../wire/frame.ts";
import { pieceName, type Upload } from "./piece-upload.ts";
import type { RateGate } from "./rate-gate.ts";
import type { Slab, SlabPool } from "./slab-pool.ts";

/** More outstanding reads make a disk no faster. */
const maxReads = 8;
/** The piece being sent and the next. */
const maxSlabsPerLink = 2;
/** Then incoming frames get their turn. */
const bytesPerTurn = 2 * 1024 * 1024;
/** A receiver that takes nothing for so long gives its place in the line up; what it asked for it may still get. */
const yieldMs = 1000;
/** A piece that takes longer to arrive has a slow receiver, which is no delay of the network. */
const maxArrivalMs = 100;

export interface SenderOptions {
  readonly slabs: SlabPool;
  readonly limits: UploadLimits;
  readonly gate: RateGate;
  readonly now: () => number;
  /** A receiver that takes nothing for so long is given up. */
  readonly stallMs: number;
}

export class PieceSender {
  readonly #options: SenderOptions;
  readonly #admissions: UploadQueue;
  readonly #ended = new AbortController();
  /** Not wholly written yet, oldest first. */
  readonly #line: Upload[] = [];
  readonly #uploads = new Set<Upload>();
  readonly #reads = new Set<Promise<void>>();
  /** Smoothed milliseconds from a piece's last byte to the word that it has arrived: so long a place is taken while nothing is sent. */
  #arrivalMs = 0;
  #slabBytes = 0;
  #awaitsSlab = false;
  #awaitsGate = false;
  #awaitsTurn = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#admissions = new UploadQueue(options.limits);
  }

  /** What is promised, and how fast it goes. */
  get queue(): Pick<UploadQueue, "pieces" | "bytes" | "rateBytesPerSecond"> {
    return this.#admissions;
  }

  /** A link came, over which pieces may be asked for. */
  joined(): void {
    this.#admissions.joined(this.#options.now());
  }

  left(): void {
    this.#admissions.left();
  }

  /** Takes a place in the line, for `add` to fill at once. */
  admit(bytes: number, request: Omit<AdmissionRequest, "rttMs">): Admission {
    return this.#admissions.admit(bytes, this.#options.now(), { rttMs: this.#arrivalMs, ...request });
  }

  add(upload: Upload): void {
    let at = this.#line.length;
    if (upload.fresh) while (this.#mayPass(this.#line[at - 1])) at--;
    this.#line.splice(at, 0, upload);
    this.#uploads.add(upload);
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.min(yieldMs, this.#options.stallMs) / 4).unref();
    this.pump();
  }

  /** Its receiver has it. Ignored when it has not been sent. */
  taken(upload: Upload): void {
    if (upload.state !== "sent") return;
    const now = this.#options.now();
    upload.link.progressAtMs = now;
    this.#arrivalMs = this.#arrivalMs * 0.9 + Math.min(maxArrivalMs, now - upload.sentAtMs) * 0.1;
    this.#leave(upload, true);
    this.pump();
  }

  /** Sends no more of it. At most one part is on its way. */
  drop(upload: Upload): void {
    if (upload.state === "gone") return;
    this.#leave(upload, false);
    this.pump();
  }

  /** Reads ahead and writes what can be written now. Called whenever something may have become possible. */
  pump(): void {
    if (this.#ended.signal.aborted || this.#awaitsTurn) return;
    this.#readAhead();
    let left = bytesPerTurn;
    while (left > 0) {
      const upload = this.#nextToSend();
      if (upload === undefined) return;
      const bytes = Math.min(maxPartBytes, upload.readBytes - upload.sentBytes);
      if (this.#awaitsGate || !this.#options.gate.pass(bytes)) return this.#awaitGate();
      this.#write(upload, bytes);
      left -= bytes;
    }
    this.#awaitsTurn = true;
    setImmediate(() => {
      this.#awaitsTurn = false;
      this.pump();
    });
  }

  /** Drops everything; resolves when no read is outstanding. */
  async close(): Promise<void> {
    this.#ended.abort();
    clearInterval(this.#sweeper);
    for (const upload of this.#uploads) this.#leave(upload, false);
    await Promise.all(this.#reads);
  }

  /** A fresh piece passes copies that have not begun. */
  #mayPass(other: Upload | undefined): boolean {
    return other !== undefined && !other.fresh && other.sentBytes === 0;
  }

  /** The first in the line that is read, whose link takes bytes and has not begun another. */
  #nextToSend(): Upload | undefined {
    return this.#line.find(
      (upload) => upload.state === "sending" && !upload.link.blocked && (upload.link.current ?? upload) === upload,
    );
  }

  #write(upload: Upload, bytes: number): void {
    const { link, slab, sentBytes, piece, channel } = upload;
    if (slab === undefined) return;
    upload.sentBytes += bytes;
    upload.writes++;
    link.current = upload;
    const last = upload.sentBytes === upload.readBytes;
    const head = encodeFrame({ type: "part", channel, piece, offset: sentBytes, lengthBytes: bytes, last });
    if (last) {
      upload.state = "sent";
      upload.sentAtMs = this.#options.now();
      link.current = undefined;
      this.#line.splice(this.#line.indexOf(upload), 1);
    }
    link.progressAtMs = this.#options.now();
    link.write(head, slab.bytes.subarray(sentBytes, sentBytes + bytes), () => {
      upload.writes--;
      link.progressAtMs = this.#options.now();
      this.#freeSlab(upload);
      this.pump();
    });
    link.sent(upload, bytes);
  }

  #nextToRead(): Upload | undefined {
    if (this.#reads.size >= maxReads) return undefined;
    return this.#line.find(
      ({ state, link }) => state === "waiting" && link.slabs < (link.blocked ? 1 : maxSlabsPerLink),
    );
  }

  #readAhead(): void {
    for (;;) {
      const upload = this.#nextToRead();
      if (upload === undefined || this.#awaitsSlab) return;
      const bytes = upload.lengthBytes;
      // Half of the pool is for receiving, so that two hosts that send to each other cannot wait for each other's slabs.
      if (this.#slabBytes > 0 && this.#slabBytes + bytes > this.#options.slabs.budgetBytes / 2) return;
      const remembered = this.#options.slabs.recall(pieceName(upload.version, upload.piece));
      if (remembered !== undefined) {
        this.#give(upload, remembered);
        upload.remembered = true;
        upload.readBytes = remembered.bytes.length;
        upload.state = "sending";
        continue;
      }
      const slab = this.#options.slabs.acquire(bytes);
      if (slab === undefined) return this.#awaitSlab(bytes);
      this.#read(upload, slab);
    }
  }

  #awaitSlab(bytes: number): void {
    this.#awaitsSlab = true;
    this.#options.slabs.acquireWhenFree(bytes, this.#ended.signal).then(
      (slab) => {
        this.#awaitsSlab = false;
        const upload = this.#nextToRead();
        const fits = upload !== undefined && upload.lengthBytes <= slab.bytes.length;
        if (fits && !this.#ended.signal.aborted) this.#read(upload, slab);
        else slab.release();
        this.pump();
      },
      () => {
        this.#awaitsSlab = false;
      },
    );
  }

  #give(upload: Upload, slab: Slab): void {
    upload.slab = slab;
    upload.link.slabs++;
    this.#slabBytes += slab.bytes.length;
  }

  #read(upload: Upload, slab: Slab): void {
    this.#give(upload, slab);
    upload.state = "reading";
    upload.reading = true;
    const read = this.#fill(upload, slab).then(() => {
      upload.reading = false;
      this.#reads.delete(read);
      this.#freeSlab(upload);
      this.pump();
    });
    this.#reads.add(read);
  }

  async #fill(upload: Upload, slab: Slab): Promise<void> {
    let readBytes = 0;
    try {
      readBytes = await upload.holding.read(upload.piece, slab.bytes);
    } catch {
      // It was evicted, or its disk fails: either way this host does not hold it, and whoever owns the store knows why.
    }
    if (upload.state !== "reading") return;
    if (readBytes > 0) {
      upload.readBytes = readBytes;
      upload.state = "sending";
      return;
    }
    this.#leave(upload, false);
    upload.link.notHeld(upload);
  }

  #awaitGate(): void {
    if (this.#awaitsGate) return;
    this.#awaitsGate = true;
    const proceed = (): void => {
      this.#awaitsGate = false;
      this.pump();
    };
    this.#options.gate.wait(this.#ended.signal).then(proceed, () => {
      // Ended, or the gate's line is full; then the next event tries again.
      this.#awaitsGate = false;
    });
  }

  #leave(upload: Upload, arrived: boolean): void {
    upload.state = "gone";
    this.#uploads.delete(upload);
    const at = this.#line.indexOf(upload);
    if (at >= 0) this.#line.splice(at, 1);
    const { link, holding, piece, lengthBytes, fresh } = upload;
    link.uploads.delete(upload);
    if (link.current === upload) link.current = undefined;
    if (arrived) holding.giving?.kept(piece);
    else holding.giving?.broken(piece);
    if (upload.placed && arrived) this.#admissions.sent(lengthBytes, this.#options.now(), fresh);
    else if (upload.placed) this.#admissions.cancelled(lengthBytes, fresh);
    this.#freeSlab(upload);
    if (this.#uploads.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }

  /** When neither the store writes into it nor the kernel reads from it. */
  #freeSlab(upload: Upload): void {
    const { slab } = upload;
    if (slab === undefined || upload.reading || upload.writes > 0) return;
    if (upload.state !== "sent" && upload.state !== "gone") return;
    upload.slab = undefined;
    upload.link.slabs--;
    this.#slabBytes -= slab.bytes.length;
    if (upload.remembered) slab.keep(pieceName(upload.version, upload.piece));
    else slab.release();
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const upload of this.#uploads) {
      const { link } = upload;
      if (!link.blocked && upload.state !== "sent") continue;
      const silentMs = now - link.progressAtMs;
      if (silentMs >= this.#options.stallMs) link.stalled();
      else if (silentMs >= yieldMs && upload.placed) {
        upload.placed = false;
        this.#admissions.cancelled(upload.lengthBytes, upload.fresh);
      }
    }
  }
}
