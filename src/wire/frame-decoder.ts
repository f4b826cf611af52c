// Bytes of a peer link to frames, whole or byte by byte. Pull: give it bytes with `push`, ask for frames with `next` until there is none.
// Of a part it gives the head; the bytes of the piece are then taken from what was pushed, or announced as received elsewhere.

import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { VersionId } from "../core/ids.ts";
import {
  anyPiece,
  type Frame,
  type FrameLayout,
  frameLayouts,
  headBytes,
  maxPieces,
  partHeadBytes,
  type Side,
} from "./frame.ts";

const smallBytes = 64;
const empty = Buffer.alloc(0);

interface Kind extends FrameLayout {
  readonly type: Frame["type"];
}
const kinds: (Kind | undefined)[] = [];
for (const [type, layout] of Object.entries(frameLayouts)) {
  kinds[layout.code] = { type: type as Frame["type"], ...layout };
}

export class FrameDecoder {
  readonly #from: Side;
  #input: Buffer = empty;
  #at = 0;
  /** The beginning of a frame that came in several pushes; grows with what arrives, never with what is announced. */
  #begun: Buffer = Buffer.allocUnsafe(smallBytes);
  #begunBytes = 0;
  #bodyBytes = 0;

  /** Decodes what `from` may send. */
  constructor(from: Side) {
    this.#from = from;
  }

  /** Bytes of the current part that have not been taken; while there are any, `next` has nothing. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Everything pushed before must have been used up. The bytes must stay as they are until `next` has returned undefined. */
  push(bytes: Uint8Array): void {
    this.#input = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
  }

  /** The next frame, or undefined when more bytes are needed. Throws `protocol-violation`, after which the decoder is of no use. */
  next(): Frame | undefined {
    if (this.#bodyBytes > 0) return undefined;
    const head = this.#peek(headBytes);
    if (head === undefined) return undefined;
    const kind = kinds[head.readUInt8(0)];
    const payloadBytes = head.readUInt32BE(4);
    this.#check(kind, head.readUInt8(1), payloadBytes);
    const wholeBytes = kind.type === "part" ? partHeadBytes : headBytes + payloadBytes;
    const bytes = this.#peek(wholeBytes);
    if (bytes === undefined) return undefined;
    const frame = decode(kind.type, bytes, payloadBytes);
    this.#consume(wholeBytes);
    if (frame.type === "part") this.#bodyBytes = frame.lengthBytes;
    return frame;
  }

  /** As much of the current part's bytes as has been pushed: a view, possibly empty. */
  takeBody(): Buffer {
    const end = Math.min(this.#input.length, this.#at + this.#bodyBytes);
    const taken = this.#input.subarray(this.#at, end);
    this.#bodyBytes -= taken.length;
    this.#at = end;
    return taken;
  }

  /** Tells that so many bytes of the current part were received without being pushed. */
  skipBody(bytes: number): void {
    this.#bodyBytes -= bytes;
  }

  #check(kind: Kind | undefined, flags: number, payloadBytes: number): asserts kind is Kind {
    if (kind === undefined) throw violation("an unknown frame");
    if (kind.from !== this.#from && kind.from !== "both") throw violation(`a ${kind.type} frame from the wrong side`);
    if (payloadBytes < kind.minBytes || payloadBytes > kind.maxBytes)
      throw violation(`a ${kind.type} frame of illegal size`);
    if (flags > (kind.flagged ? 1 : 0)) throw violation(`a ${kind.type} frame with unknown flags`);
  }

  /** The first bytes of the current frame; undefined when they are not all there, and then the input is kept and used up. */
  #peek(count: number): Buffer | undefined {
    const available = this.#input.length - this.#at;
    if (this.#begunBytes === 0 && available >= count) return this.#input.subarray(this.#at, this.#at + count);
    const more = Math.min(available, count - this.#begunBytes);
    if (more > 0) {
      this.#reserve(this.#begunBytes + more, count);
      this.#begun.set(this.#input.subarray(this.#at, this.#at + more), this.#begunBytes);
      this.#begunBytes += more;
      this.#at += more;
    }
    return this.#begunBytes >= count ? this.#begun.subarray(0, count) : undefined;
  }

  #consume(count: number): void {
    if (this.#begunBytes === 0) {
      this.#at += count;
      return;
    }
    this.#begunBytes = 0;
    if (this.#begun.length > smallBytes) this.#begun = Buffer.allocUnsafe(smallBytes);
  }

  #reserve(neededBytes: number, frameBytes: number): void {
    if (neededBytes <= this.#begun.length) return;
    const grown = Buffer.allocUnsafe(Math.max(neededBytes, Math.min(frameBytes, this.#begun.length * 2)));
    grown.set(this.#begun.subarray(0, this.#begunBytes));
    this.#begun = grown;
  }
}

function decode(type: Frame["type"], bytes: Buffer, payloadBytes: number): Frame {
  const flag = bytes.readUInt8(1) === 1;
  const channel = bytes.readUInt16BE(2);
  switch (type) {
    case "open":
      return { type, channel, version: bytes.toString("hex", headBytes) as VersionId };
    case "request":
    case "taken":
    case "cancel":
    case "cancelled":
      return { type, channel, piece: pieceAt(bytes, headBytes) };
    case "close":
    case "closed":
      return { type, channel };
    case "request-any":
      return { type, channel, wanted: Bitset.fromBytes(bytes.subarray(headBytes)), pieceCount: payloadBytes * 8 };
    case "bitmap": {
      const held = Bitset.fromBytes(bytes.subarray(headBytes));
      return { type, channel, complete: flag, held, pieceCount: payloadBytes * 8 };
    }
    case "have": {
      if (payloadBytes % 4 !== 0) throw violation("a have frame of illegal size");
      const pieces: number[] = [];
      for (let at = headBytes; at < bytes.length; at += 4) pieces.push(pieceAt(bytes, at));
      return { type, channel, pieces };
    }
    case "granted":
      return { type, channel, piece: pieceAt(bytes, headBytes), lengthBytes: bytes.readUInt32BE(headBytes + 4) };
    case "part": {
      const offset = bytes.readUInt32BE(headBytes + 4);
      return { type, channel, piece: pieceAt(bytes, headBytes), offset, lengthBytes: payloadBytes - 8, last: flag };
    }
    case "busy":
      return { type, channel, piece: pieceOrAny(bytes), retryAfterMs: bytes.readUInt32BE(headBytes + 4) };
    case "not-held":
      return { type, channel, piece: pieceOrAny(bytes) };
    case "refused": {
      const codeEnd = headBytes + 1 + bytes.readUInt8(headBytes);
      if (codeEnd > bytes.length) throw violation("a refused frame of illegal size");
      return {
        type,
        channel,
        code: bytes.toString("latin1", headBytes + 1, codeEnd),
        message: bytes.toString("utf8", codeEnd),
      };
    }
    case "bye":
      return { type, channel, reason: bytes.toString("utf8", headBytes) };
  }
}

function pieceAt(bytes: Buffer, at: number): number {
  const piece = bytes.readUInt32BE(at);
  if (piece >= maxPieces) throw violation("a piece index beyond any file");
  return piece;
}

function pieceOrAny(bytes: Buffer): number | undefined {
  return bytes.readUInt32BE(headBytes) === anyPiece ? undefined : pieceAt(bytes, headBytes);
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the other host sent ${what}`);
}
