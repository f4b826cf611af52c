// The frames of the peer link, and their encoding: typed values to bytes. `frame-decoder.ts` is the way back. No sockets.
//
// A frame is a head of 8 bytes, { type u8, flags u8, channel u16, payload length u32 }, and its payload; all numbers are big-endian.
// The dialler chooses channel numbers and one channel carries one version, so that a link between two hosts serves all of them.
//
//   dialler -> server                                        server -> dialler
//   open         version id, 32 bytes                        bitmap     bits held; flag 1: all there are. Answers open
//   request      piece u32                                   have       piece u32, repeated
//   request-any  bits wanted, the server chooses one         granted    piece u32, length u32: answers request-any
//   taken        piece u32: all of it has arrived            part       piece u32, offset u32, bytes; flag 1: the last of the piece
//   cancel       piece u32                                   cancelled  piece u32: answers cancel, nothing older follows
//   close                                                    closed     answers close: the number is free again
//                                                            busy       piece u32, retry after ms u32
//   bye          why the link ends, in both directions       not-held   piece u32
//                                                            refused    code length u8, code, message: answers open
//
// A piece goes out as parts of at most 128 KiB, in order and not mixed with another piece of the same link: small frames never wait
// long, a cancel stops what is not written yet, and a receiver holds one half-filled buffer a link at most. `taken` lets the sender
// count a piece as sent when it has arrived, not when the kernel has buffered it. In `busy` and `not-held`, piece 2^32-1 means any.

import type { Bitset } from "../core/bitset.ts";
import type { PieceIndex, VersionId } from "../core/ids.ts";

export type Frame =
  | { readonly type: "open"; readonly channel: number; readonly version: VersionId }
  | { readonly type: "request"; readonly channel: number; readonly piece: PieceIndex }
  | { readonly type: "request-any"; readonly channel: number; readonly wanted: Bitset; readonly pieceCount: number }
  | { readonly type: "taken"; readonly channel: number; readonly piece: PieceIndex }
  | { readonly type: "cancel"; readonly channel: number; readonly piece: PieceIndex }
  | { readonly type: "close"; readonly channel: number }
  | {
      readonly type: "bitmap";
      readonly channel: number;
      readonly complete: boolean;
      readonly held: Bitset;
      readonly pieceCount: number;
    }
  | { readonly type: "have"; readonly channel: number; readonly pieces: readonly PieceIndex[] }
  | { readonly type: "granted"; readonly channel: number; readonly piece: PieceIndex; readonly lengthBytes: number }
  | PartFrame
  | { readonly type: "cancelled"; readonly channel: number; readonly piece: PieceIndex }
  | { readonly type: "closed"; readonly channel: number }
  | {
      readonly type: "busy";
      readonly channel: number;
      /** Undefined answers a request for any. */
      readonly piece: PieceIndex | undefined;
      readonly retryAfterMs: number;
    }
  | { readonly type: "not-held"; readonly channel: number; readonly piece: PieceIndex | undefined }
  | { readonly type: "refused"; readonly channel: number; readonly code: string; readonly message: string }
  | { readonly type: "bye"; readonly channel: number; readonly reason: string };

/** The head of a part: `lengthBytes` of the piece follow it on the wire and are no business of the codec. */
export interface PartFrame {
  readonly type: "part";
  readonly channel: number;
  readonly piece: PieceIndex;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly last: boolean;
}

/** Who sends a frame. */
export type Side = "dialler" | "server";

export const headBytes = 8;
/** A part's head with its piece and offset: what precedes the bytes. */
export const partHeadBytes = 16;
export const maxPartBytes = 256 * 1024;
/** 8 TiB in the largest pieces. */
export const maxPieces = 1 << 21;
export const maxHaveBatch = 1024;
export const maxTextBytes = 1024;

export interface FrameLayout {
  readonly code: number;
  readonly from: Side | "both";
  readonly minBytes: number;
  readonly maxBytes: number;
  /** Flag 1 has a meaning. */
  readonly flagged?: true;
}

const bitmapBytes = maxPieces / 8;
const layout = (code: number, from: FrameLayout["from"], minBytes: number, maxBytes = minBytes): FrameLayout => ({
  code,
  from,
  minBytes,
  maxBytes,
});

/** Payload sizes by type. */
export const frameLayouts: Readonly<Record<Frame["type"], FrameLayout>> = {
  open: layout(1, "dialler", 32),
  request: layout(2, "dialler", 4),
  "request-any": layout(3, "dialler", 0, bitmapBytes),
  taken: layout(4, "dialler", 4),
  cancel: layout(5, "dialler", 4),
  close: layout(6, "dialler", 0),
  bitmap: { ...layout(16, "server", 0, bitmapBytes), flagged: true },
  have: layout(17, "server", 4, 4 * maxHaveBatch),
  granted: layout(18, "server", 8),
  part: { ...layout(19, "server", 9, 8 + maxPartBytes), flagged: true },
  cancelled: layout(20, "server", 4),
  closed: layout(21, "server", 0),
  busy: layout(22, "server", 8),
  "not-held": layout(23, "server", 4),
  refused: layout(24, "server", 1, 256 + maxTextBytes),
  bye: layout(31, "both", 0, maxTextBytes),
};

/** Stands for "any piece" where an index is expected. */
export const anyPiece = 0xffffffff;

/** The frame's bytes; of a part, its head alone (16 bytes). */
export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.type) {
    case "open": {
      const bytes = head(frame, 32);
      bytes.write(frame.version, headBytes, "hex");
      return bytes;
    }
    case "request":
    case "taken":
    case "cancel":
    case "cancelled":
      return numbers(head(frame, 4), frame.piece);
    case "close":
    case "closed":
      return head(frame, 0);
    case "request-any":
      return withBytes(frame, frame.wanted.toBytes(frame.pieceCount));
    case "bitmap":
      return withBytes(frame, frame.held.toBytes(frame.pieceCount), frame.complete ? 1 : 0);
    case "have":
      return numbers(head(frame, 4 * frame.pieces.length), ...frame.pieces);
    case "granted":
      return numbers(head(frame, 8), frame.piece, frame.lengthBytes);
    case "part": {
      const bytes = Buffer.allocUnsafe(partHeadBytes);
      writeHead(bytes, frame, 8 + frame.lengthBytes, frame.last ? 1 : 0);
      return numbers(bytes, frame.piece, frame.offset);
    }
    case "busy":
      return numbers(head(frame, 8), frame.piece ?? anyPiece, Math.min(anyPiece, Math.ceil(frame.retryAfterMs)));
    case "not-held":
      return numbers(head(frame, 4), frame.piece ?? anyPiece);
    case "refused": {
      const code = Buffer.from(frame.code, "latin1").subarray(0, 255);
      return withBytes(frame, Buffer.concat([Buffer.of(code.length), code, text(frame.message)]));
    }
    case "bye":
      return withBytes(frame, text(frame.reason));
  }
}

function writeHead(bytes: Buffer, frame: Frame, payloadBytes: number, flags: number): void {
  bytes[0] = frameLayouts[frame.type].code;
  bytes[1] = flags;
  bytes.writeUInt16BE(frame.channel, 2);
  bytes.writeUInt32BE(payloadBytes, 4);
}

function head(frame: Frame, payloadBytes: number, flags = 0): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payloadBytes);
  writeHead(bytes, frame, payloadBytes, flags);
  return bytes;
}

function numbers(bytes: Buffer, ...values: readonly number[]): Buffer {
  let at = headBytes;
  for (const value of values) at = bytes.writeUInt32BE(value, at);
  return bytes;
}

function withBytes(frame: Frame, payload: Uint8Array, flags = 0): Buffer {
  const bytes = head(frame, payload.length, flags);
  bytes.set(payload, headBytes);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.from(value, "utf8").subarray(0, maxTextBytes);
}
