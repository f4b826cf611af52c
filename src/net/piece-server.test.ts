import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { hostUploadLimits } from "../core/upload-queue.ts";
import { hostId, openChannel, type PieceRig, pieceRig, RiggedContent, until, versionId } from "../testing/piece-rig.ts";
import { encodeFrame, type Frame } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import { maxRequests } from "./piece-link.ts";
import { upgradeRequest } from "./piece-upgrade.ts";
import { RateGate } from "./rate-gate.ts";
import { SlabPool } from "./slab-pool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const manyUploads = { ...hostUploadLimits, minPieces: 1000 };

/** A dialler that does what the test says, and reads when it says. */
class RawDialler implements AsyncDisposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<unknown>;
  status = "";
  readonly #decoder = new FrameDecoder("server");
  #reply = "";

  constructor(rig: PieceRig) {
    this.socket = connect(rig.port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.closed = once(this.socket, "close");
    this.socket.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  say(...frames: readonly Frame[]): void {
    for (const frame of frames) this.socket.write(encodeFrame(frame));
  }

  async heard<Type extends Frame["type"]>(type: Type): Promise<Extract<Frame, { readonly type: Type }>> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found !== undefined) return found as Extract<Frame, { readonly type: Type }>;
      await once(this.socket, "data");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #read(bytes: Buffer): void {
    if (this.status !== "") return this.#decode(bytes);
    this.#reply += bytes.toString("latin1");
    const end = this.#reply.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.status = this.#reply.slice(9, 12);
    this.#decode(Buffer.from(this.#reply.slice(end + 4), "latin1"));
  }

  #decode(bytes: Buffer): void {
    this.#decoder.push(bytes);
    for (;;) {
      if (this.#decoder.bodyBytes > 0) {
        if (this.#decoder.takeBody().length === 0) return;
        continue;
      }
      const frame = this.#decoder.next();
      if (frame === undefined) return;
      this.frames.push(frame);
    }
  }
}

function rawDialler(rig: PieceRig): RawDialler {
  const dialler = new RawDialler(rig);
  dialler.socket.write(upgradeRequest(rig.address, hostId));
  return dialler;
}

const open = { type: "open", channel: 5, version: versionId(1) } as const;

test("a dialler that speaks byte by byte is understood", async () => {
  await using rig = await pieceRig();
  rig.contents.set(versionId(1), new RiggedContent(2 * 64 * KIB, 64 * KIB).gain(0, 2));
  await using dialler = new RawDialler(rig);
  dialler.socket.setNoDelay(true);
  const bytes = Buffer.concat([
    Buffer.from(upgradeRequest(rig.address, hostId)),
    encodeFrame(open),
    encodeFrame({ type: "request", channel: 5, piece: 1 }),
  ]);
  for (const byte of bytes) {
    dialler.socket.write(Buffer.of(byte));
    await turn();
  }
  assert.deepEqual((await dialler.heard("bitmap")).complete, true);
  const part = await dialler.heard("part");
  assert.deepEqual(part, { type: "part", channel: 5, piece: 1, offset: 0, lengthBytes: 64 * KIB, last: true });
  assert.equal(rig.server.queue.pieces, 1);
  dialler.say({ type: "taken", channel: 5, piece: 1 });
  await until(() => rig.server.queue.pieces === 0);
});

const violations: readonly [string, readonly (Frame | Buffer)[]][] = [
  ["garbage", [Buffer.from("garbage garbage")]],
  ["a frame on a channel that is not open", [{ type: "request", channel: 1, piece: 0 }]],
  ["a channel opened twice", [open, open]],
  ["what only a server says", [open, { type: "closed", channel: 5 }]],
  [
    "more requests than a link carries",
    [open, ...Array.from({ length: maxRequests + 1 }, (_, piece) => ({ type: "request", channel: 5, piece }) as const)],
  ],
  [
    "more channels than a link carries",
    Array.from({ length: 1025 }, (_, channel) => ({ type: "open", channel, version: versionId(2) }) as const),
  ],
];

for (const [name, frames] of violations) {
  test(`${name} ends the link with a reason and frees what it had`, async () => {
    await using rig = await pieceRig({ uploadLimits: manyUploads, gate: new RateGate(1) });
    const content = new RiggedContent(100 * 64 * KIB, 64 * KIB).gain(0, 100);
    rig.contents.set(versionId(1), content);
    await using dialler = rawDialler(rig);
    for (const frame of frames) dialler.socket.write(Buffer.isBuffer(frame) ? frame : encodeFrame(frame));
    const { reason } = await dialler.heard("bye");
    assert.match(reason, /sent/);
    await dialler.closed;
    await until(() => rig.server.links === 0);
    assert.equal(content.listeners, 0);
    assert.equal(rig.server.queue.pieces, 0);
    await until(() => rig.slabs.lentBytes === 0);
  });
}

test("whoever asks wrongly, or one link too many, is refused by status", async () => {
  await using rig = await pieceRig({ maxLinks: 1 });
  await using wrong = new RawDialler(rig);
  wrong.socket.write("GET /v1/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await wrong.closed;
  await using nameless = new RawDialler(rig);
  nameless.socket.write(upgradeRequest(rig.address, hostId).replace(hostId, "me"));
  await nameless.closed;
  await using first = rawDialler(rig);
  await until(() => first.status !== "");
  await using second = rawDialler(rig);
  await second.closed;
  assert.deepEqual([wrong.status, nameless.status, first.status, second.status], ["400", "400", "101", "503"]);
});

test("a reader that fell behind gets one fresh bitmap, and pieces go on", async () => {
  await using rig = await pieceRig({ uploadLimits: manyUploads, slabs: new SlabPool({ budgetBytes: 64 * MIB }) });
  const content = new RiggedContent(16 * MIB, 4 * MIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  const news = new RiggedContent(6000 * 64, 64).gain(0, 1);
  rig.contents.set(versionId(2), news);
  await using dialler = rawDialler(rig);
  dialler.say(open, { ...open, channel: 6, version: versionId(2) });
  await dialler.heard("bitmap");
  await until(() => dialler.frames.length === 2);
  dialler.socket.pause();
  for (let n = 0; n < 12; n++) dialler.say({ type: "request", channel: 5, piece: n % 4 });
  await until(() => rig.server.queue.pieces === 12);
  news.gain(1, 6000);
  dialler.socket.resume();
  await until(() => dialler.frames.filter((frame) => frame.type === "part" && frame.last).length === 12);
  await until(() => dialler.frames.filter((frame) => frame.type === "bitmap").length === 3);
  const told = dialler.frames.filter((frame) => frame.channel === 6);
  assert.deepEqual(
    told.map((frame) => frame.type),
    ["bitmap", "bitmap"],
  );
  const last = told.at(-1);
  assert.ok(last?.type === "bitmap" && last.complete && last.held.count === 6000);
});

test("a receiver that takes nothing does not hold up others, and loses its link", async () => {
  await using rig = await pieceRig({
    uploadLimits: manyUploads,
    slabs: new SlabPool({ budgetBytes: 64 * MIB }),
    stallMs: 100,
  });
  const content = new RiggedContent(16 * MIB, 4 * MIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  await using stuck = rawDialler(rig);
  stuck.say(open);
  await stuck.heard("bitmap");
  stuck.socket.pause();
  for (let n = 0; n < 12; n++) stuck.say({ type: "request", channel: 5, piece: n % 4 });
  await until(() => rig.server.queue.pieces === 12);
  const { link, heard, channel } = await openChannel(rig.address);
  channel.request(2, 4 * MIB);
  assert.ok((await heard.next("piece")).bytes.equals(content.piece(2)));
  await until(() => rig.server.queue.pieces === 0);
  link.close();
  await until(() => rig.server.links === 0);
  await until(() => rig.slabs.lentBytes === 0);
});

test("a dialler that breaks off in the middle leaves nothing behind", async () => {
  await using rig = await pieceRig({ uploadLimits: manyUploads });
  const content = new RiggedContent(16 * MIB, 4 * MIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  await using dialler = rawDialler(rig);
  dialler.say(open);
  for (let n = 0; n < 12; n++) dialler.say({ type: "request", channel: 5, piece: n % 4 });
  await dialler.heard("part");
  dialler.socket.resetAndDestroy();
  await until(() => rig.server.links === 0);
  await until(() => rig.slabs.lentBytes === 0);
  assert.equal(rig.server.queue.pieces, 0);
  assert.equal(content.listeners, 0);
});

test("what cannot be read is answered as not held", async () => {
  await using rig = await pieceRig();
  const content = new RiggedContent(2 * 64 * KIB, 64 * KIB).gain(0, 2);
  content.read = async (): Promise<number> => {
    throw new Error("the disk is on fire");
  };
  rig.contents.set(versionId(1), content);
  await using dialler = rawDialler(rig);
  dialler.say(open, { type: "request", channel: 5, piece: 1 });
  assert.equal((await dialler.heard("not-held")).piece, 1);
  assert.equal(rig.server.queue.pieces, 0);
  assert.equal(rig.slabs.lentBytes, 0);
});

test("the upload limit and what was sent are told the truth", async () => {
  let sent = 0;
  await using rig = await pieceRig({
    onSent: (version, requester, bytes) => {
      assert.deepEqual([version, requester], [versionId(1), hostId]);
      sent += bytes;
    },
  });
  rig.contents.set(versionId(1), new RiggedContent(300 * KIB, 512 * KIB).gain(0, 1));
  const { link, heard, channel } = await openChannel(rig.address);
  channel.request(0, 300 * KIB);
  await heard.next("piece");
  assert.equal(sent, 300 * KIB);
  await until(() => rig.server.queue.pieces === 0);
  link.close();
});
