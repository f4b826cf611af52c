import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import type { VersionId } from "../core/ids.ts";
import { encodeFrame, type Frame, frameLayouts, maxPartBytes, maxPieces, type Side } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";

const channel = fc.integer({ min: 0, max: 0xffff });
const piece = fc.integer({ min: 0, max: maxPieces - 1 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const pieceOrAny = fc.option(piece, { nil: undefined });
const bits = fc.uint8Array({ maxLength: 80 });
const text = fc.string({ maxLength: 100 });
const version = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex") as VersionId);

const fromDialler: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: fc.constant("open" as const), channel, version }),
  fc.record({ type: fc.constantFrom("request" as const, "taken" as const, "cancel" as const), channel, piece }),
  fc.tuple(channel, bits).map(
    ([number, bytes]): Frame => ({
      type: "request-any",
      channel: number,
      wanted: Bitset.fromBytes(bytes),
      pieceCount: bytes.length * 8,
    }),
  ),
  fc.record({ type: fc.constant("close" as const), channel }),
  fc.record({ type: fc.constant("bye" as const), channel, reason: text }),
);

const fromServer: fc.Arbitrary<Frame> = fc.oneof(
  fc.tuple(channel, fc.boolean(), bits).map(
    ([number, complete, bytes]): Frame => ({
      type: "bitmap",
      channel: number,
      complete,
      held: Bitset.fromBytes(bytes),
      pieceCount: bytes.length * 8,
    }),
  ),
  fc.record({ type: fc.constant("have" as const), channel, pieces: fc.array(piece, { minLength: 1, maxLength: 50 }) }),
  fc.record({ type: fc.constant("granted" as const), channel, piece, lengthBytes: u32 }),
  fc.record({
    type: fc.constant("part" as const),
    channel,
    piece,
    offset: u32,
    lengthBytes: fc.integer({ min: 1, max: 300 }),
    last: fc.boolean(),
  }),
  fc.record({ type: fc.constant("cancelled" as const), channel, piece }),
  fc.record({ type: fc.constant("closed" as const), channel }),
  fc.record({ type: fc.constant("busy" as const), channel, piece: pieceOrAny, retryAfterMs: u32 }),
  fc.record({ type: fc.constant("not-held" as const), channel, piece: pieceOrAny }),
  fc.record({
    type: fc.constant("refused" as const),
    channel,
    code: fc.constantFrom("not-found", "internal", ""),
    message: text,
  }),
  fc.record({ type: fc.constant("bye" as const), channel, reason: text }),
);

/** The body of a part in a test: its offset's low byte, repeated. */
function bodyOf(frame: Frame): Buffer {
  return frame.type === "part" ? Buffer.alloc(frame.lengthBytes, frame.offset & 0xff) : Buffer.alloc(0);
}

/** Decodes what comes in these cuts; the bytes of parts are put together. */
function decodeCut(from: Side, bytes: Buffer, cuts: readonly number[]): { frames: Frame[]; body: Buffer } {
  const decoder = new FrameDecoder(from);
  const frames: Frame[] = [];
  const body: Buffer[] = [];
  let at = 0;
  for (const end of [...cuts, bytes.length]) {
    // A copy that is wiped afterwards: the decoder must not keep what it was lent.
    const lent = Buffer.from(bytes.subarray(at, end));
    at = end;
    decoder.push(lent);
    for (;;) {
      if (decoder.bodyBytes > 0) {
        const taken = decoder.takeBody();
        if (taken.length === 0) break;
        body.push(Buffer.from(taken));
        continue;
      }
      const frame = decoder.next();
      if (frame === undefined) break;
      frames.push(frame);
    }
    lent.fill(0xee);
  }
  return { frames, body: Buffer.concat(body) };
}

const comparable = (frames: readonly Frame[]): unknown[] =>
  frames.map((frame) => {
    if (frame.type === "bitmap") return { ...frame, held: [...frame.held] };
    if (frame.type === "request-any") return { ...frame, wanted: [...frame.wanted] };
    return { ...frame };
  });

for (const [from, arbitrary] of [
  ["dialler", fromDialler],
  ["server", fromServer],
] as const) {
  test(`what a ${from} says is understood however it is cut`, () => {
    fc.assert(
      fc.property(fc.array(arbitrary, { maxLength: 12 }), fc.array(fc.nat()), (frames, rawCuts) => {
        const bytes = Buffer.concat(frames.flatMap((frame) => [encodeFrame(frame), bodyOf(frame)]));
        const cuts = rawCuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const decoded = decodeCut(from, bytes, cuts);
        assert.deepEqual(comparable(decoded.frames), comparable(frames));
        assert.deepEqual(decoded.body, Buffer.concat(frames.map(bodyOf)));
        const byteWise = decodeCut(from, bytes, [...bytes.keys()]);
        assert.deepEqual(comparable(byteWise.frames), comparable(frames));
        assert.deepEqual(byteWise.body, decoded.body);
      }),
    );
  });

  test(`garbage from a ${from} is a protocol violation or nothing`, () => {
    const code = fc.constantFrom(...Object.values(frameLayouts).map((layout) => layout.code), 0, 99, 255);
    const frameLike = fc
      .tuple(code, fc.integer({ min: 0, max: 2 }), fc.uint8Array({ maxLength: 60 }))
      .map(([type, flags, rest]) => Buffer.from([type, flags, 0, 1, 0, 0, ...rest]));
    fc.assert(
      fc.property(fc.array(fc.oneof(frameLike, fc.uint8Array({ maxLength: 30 })), { maxLength: 6 }), (parts) => {
        const bytes = Buffer.concat(parts);
        try {
          decodeCut(from, bytes, [...bytes.keys()]);
        } catch (error) {
          assert.ok(error instanceof DragonflyError, String(error));
          assert.equal(error.code, "protocol-violation");
          assert.equal(error.blame, "peer");
        }
      }),
      { numRuns: 300 },
    );
  });
}

const violates = { code: "protocol-violation" };
function decodeHead(from: Side, head: readonly number[]): void {
  const decoder = new FrameDecoder(from);
  decoder.push(Buffer.from(head));
  decoder.next();
}

test("a frame is refused by its head when its type, side, flags or size are illegal", () => {
  assert.throws(() => decodeHead("dialler", [77, 0, 0, 0, 0, 0, 0, 0]), violates);
  assert.throws(() => decodeHead("dialler", [18, 0, 0, 0, 0, 0, 0, 8]), violates);
  assert.throws(() => decodeHead("server", [1, 0, 0, 0, 0, 0, 0, 32]), violates);
  assert.throws(() => decodeHead("dialler", [2, 1, 0, 0, 0, 0, 0, 4]), violates);
  assert.throws(() => decodeHead("dialler", [2, 0, 0, 0, 0, 0, 0, 5]), violates);
  assert.throws(() => decodeHead("server", [19, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), violates);
  assert.throws(() => decodeHead("server", [19, 0, 0, 0, 0, 0, 0, 8]), violates);
  assert.doesNotThrow(() => decodeHead("server", [19, 1, 0, 0, 0, 2, 0, 8]));
  assert.equal(frameLayouts.part.maxBytes, 8 + maxPartBytes);
});

test("a piece index beyond any file is a violation", () => {
  const bytes = encodeFrame({ type: "request", channel: 0, piece: maxPieces });
  assert.throws(() => decodeHead("dialler", [...bytes]), violates);
});

test("of a part that is received elsewhere only the head goes through the decoder", () => {
  const decoder = new FrameDecoder("server");
  const part = { type: "part", channel: 3, piece: 7, offset: 0, lengthBytes: 1000, last: true } as const;
  decoder.push(Buffer.concat([encodeFrame(part), Buffer.from("abc")]));
  assert.deepEqual(decoder.next(), part);
  assert.equal(decoder.takeBody().toString(), "abc");
  assert.equal(decoder.next(), undefined);
  decoder.skipBody(997);
  decoder.push(encodeFrame({ type: "closed", channel: 3 }));
  assert.deepEqual(decoder.next(), { type: "closed", channel: 3 });
});

test("a text that is too long is cut, not refused", () => {
  const decoder = new FrameDecoder("server");
  decoder.push(encodeFrame({ type: "bye", channel: 0, reason: "x".repeat(5000) }));
  assert.deepEqual(decoder.next(), { type: "bye", channel: 0, reason: "x".repeat(1024) });
});
