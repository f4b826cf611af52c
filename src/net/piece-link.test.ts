import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Bitset } from "../core/bitset.ts";
import { Giving } from "../core/giving.ts";
import { seededRandom } from "../core/random.ts";
import { hostUploadLimits, seedUploadLimits } from "../core/upload-queue.ts";
import { dial, HeardChannel, openChannel, pieceRig, RiggedContent, until, versionId } from "../testing/piece-rig.ts";
import { encodeFrame, type Frame } from "../wire/frame.ts";
import { maxRequests } from "./piece-link.ts";
import { upgradeAccepted } from "./piece-upgrade.ts";
import { RateGate } from "./rate-gate.ts";
import { SlabPool } from "./slab-pool.ts";

const KIB = 1024;
const never = new AbortController().signal;

test("pieces arrive as they are, the short last one too, and what is gained is told", async () => {
  await using rig = await pieceRig();
  const content = new RiggedContent(5 * 512 * KIB + 777, 512 * KIB).gain(0, 3);
  rig.contents.set(versionId(1), content);
  const { link, heard, channel, slabs } = await openChannel(rig.address);
  assert.deepEqual(await heard.next("bitmap"), { type: "bitmap", held: [0, 1, 2], complete: false });
  assert.ok(link.roundTripMs !== undefined);
  content.gain(3, 6);
  assert.deepEqual((await heard.next("have")).pieces, [3, 4, 5]);
  for (const index of [0, 5, 3]) {
    const expected = content.piece(index);
    channel.request(index, expected.length);
    const { piece, bytes } = await heard.next("piece");
    assert.equal(piece, index);
    assert.ok(bytes.equals(expected));
  }
  const progressed = heard.all.filter((event) => event.type === "progress" && event.piece === 0);
  assert.ok(progressed.every((event) => event.type === "progress" && event.bytesSoFar < 512 * KIB));
  await until(() => rig.server.queue.pieces === 0);
  assert.equal(slabs.lentBytes + rig.slabs.lentBytes, 0);
  link.close();
  assert.deepEqual(await heard.next("closed"), { type: "closed", error: undefined });
  await until(() => rig.server.links === 0 && content.listeners === 0);
});

test("two versions share a link and do not mix", async () => {
  await using rig = await pieceRig({ uploadLimits: { ...hostUploadLimits, minPieces: 16 } });
  const contents = [
    new RiggedContent(8 * 64 * KIB, 64 * KIB).gain(0, 8),
    new RiggedContent(6 * 256 * KIB, 256 * KIB).gain(0, 6),
  ];
  const link = await dial(rig.address);
  await Promise.all(
    contents.map(async (content, n) => {
      rig.contents.set(versionId(n), content);
      const heard = new HeardChannel();
      const channel = link.open(versionId(n), heard);
      await heard.next("bitmap");
      for (const index of content.held) channel.request(index, content.version.pieceLength);
      for (const index of content.held) {
        const { piece, bytes } = await heard.next("piece");
        assert.equal(piece, index);
        assert.ok(bytes.equals(content.piece(index)));
      }
    }),
  );
  link.close();
});

test("what the host does not hold and what it has no place for is answered at once", async () => {
  const gate = new RateGate(64 * KIB);
  await using rig = await pieceRig({ gate });
  rig.contents.set(versionId(1), new RiggedContent(8 * 512 * KIB, 512 * KIB).gain(0, 7));
  const { link, heard, channel } = await openChannel(rig.address);
  channel.request(7, 512 * KIB);
  assert.equal((await heard.next("notHeld")).piece, 7);
  channel.requestAny(Bitset.of(1, 2), 8);
  assert.equal((await heard.next("notHeld")).piece, undefined);
  const places = Array.from({ length: hostUploadLimits.minPieces }, (_, piece) => piece);
  for (const piece of places) channel.request(piece, 512 * KIB);
  channel.request(places.length, 512 * KIB);
  const { piece, retryAfterMs } = await heard.next("busy");
  assert.equal(piece, places.length);
  assert.ok(retryAfterMs >= 20);
  gate.setRate(0);
  for (const index of places) assert.equal((await heard.next("piece")).piece, index);
  channel.request(places.length, 512 * KIB);
  assert.equal((await heard.next("piece")).piece, places.length);
  link.close();
});

test("a seed chooses what it gave least among what is wanted, and says which comes", async () => {
  await using rig = await pieceRig({ uploadLimits: seedUploadLimits });
  const giving = new Giving(seededRandom(1));
  const content = new RiggedContent(4 * 64 * KIB, 64 * KIB, { giving }).gain(0, 3);
  rig.contents.set(versionId(1), content);
  giving.promise(0);
  giving.promise(2);
  const { link, heard, channel } = await openChannel(rig.address);
  channel.requestAny(Bitset.of(0, 1, 3), 4);
  channel.requestAny(Bitset.of(0, 1, 3), 4);
  assert.equal((await heard.next("granted")).piece, 1);
  assert.equal((await heard.next("granted")).piece, 0);
  assert.ok((await heard.next("piece")).bytes.equals(content.piece(1)));
  assert.equal((await heard.next("piece")).piece, 0);
  channel.requestAny(Bitset.of(3), 4);
  assert.equal((await heard.next("notHeld")).piece, undefined);
  assert.ok(!giving.isFresh(1));
  link.close();
});

test("a cancelled piece does not arrive, frees its place, and can be asked for again", async () => {
  const gate = new RateGate(200 * KIB);
  await using rig = await pieceRig({ gate });
  const content = new RiggedContent(4 * 512 * KIB, 512 * KIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  const { link, heard, channel, slabs } = await openChannel(rig.address);
  channel.request(0, 512 * KIB);
  channel.request(1, 512 * KIB);
  assert.equal((await heard.next("progress")).piece, 0);
  channel.cancel(0);
  channel.request(0, 512 * KIB);
  channel.cancel(0);
  channel.request(2, 512 * KIB);
  channel.request(0, 512 * KIB);
  gate.setRate(0);
  for (const index of [1, 2, 0]) {
    const { piece, bytes } = await heard.next("piece");
    assert.equal(piece, index);
    assert.ok(bytes.equals(content.piece(index)));
  }
  assert.equal(heard.count("piece"), 3);
  await until(() => rig.server.queue.pieces === 0);
  assert.equal(slabs.lentBytes + rig.slabs.lentBytes, 0);
  link.close();
});

test("closing a channel frees everything, and its number serves again", async () => {
  const gate = new RateGate(200 * KIB);
  await using rig = await pieceRig({ gate });
  const content = new RiggedContent(4 * 512 * KIB, 512 * KIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  const { link, heard, channel, slabs } = await openChannel(rig.address);
  channel.request(0, 512 * KIB);
  channel.request(1, 512 * KIB);
  await heard.next("progress");
  channel.close();
  const told = heard.all.length;
  gate.setRate(0);
  await until(() => link.channels === 0);
  assert.equal(heard.all.length, told);
  assert.equal(slabs.lentBytes + rig.slabs.lentBytes + rig.server.queue.pieces, 0);
  const again = new HeardChannel();
  link.open(versionId(1), again).request(2, 512 * KIB);
  assert.ok((await again.next("piece")).bytes.equals(content.piece(2)));
  link.close();
});

test("a version that is not there, or not any more, is refused with the reason", async () => {
  await using rig = await pieceRig();
  rig.contents.set(versionId(1), new RiggedContent(64 * KIB, 64 * KIB).gain(0, 1));
  const link = await dial(rig.address);
  const unknown = new HeardChannel();
  link.open(versionId(2), unknown).request(0, 64 * KIB);
  const { error } = await unknown.next("refused");
  assert.equal(error.code, "not-found");
  assert.equal(error.message, "no such version here");
  const heard = new HeardChannel();
  link.open(versionId(1), heard);
  await heard.next("bitmap");
  rig.server.withdraw(versionId(1));
  assert.equal((await heard.next("refused")).error.code, "not-found");
  await until(() => link.channels === 0);
  assert.deepEqual([unknown.count("closed"), heard.count("closed")], [0, 0]);
  link.close();
});

test("the last piece of an unknown length is as short as it is", async () => {
  await using rig = await pieceRig();
  const content = new RiggedContent(64 * KIB + 100, 64 * KIB, { lengthUnknown: true }).gain(0, 2);
  rig.contents.set(versionId(1), content);
  const { link, heard, channel } = await openChannel(rig.address);
  channel.request(1, 64 * KIB);
  assert.ok((await heard.next("piece")).bytes.equals(content.piece(1)));
  link.close();
});

test("without a free slab the link waits, and a cancel ends the wait", async () => {
  await using rig = await pieceRig();
  const content = new RiggedContent(4 * 1024 * KIB, 1024 * KIB).gain(0, 4);
  rig.contents.set(versionId(1), content);
  const slabs = new SlabPool({ budgetBytes: 4096 * KIB });
  const { link, heard, channel } = await openChannel(rig.address, slabs);
  await heard.next("bitmap");
  const all = await slabs.acquireWhenFree(4096 * KIB, never);
  channel.request(0, 1024 * KIB);
  channel.request(1, 1024 * KIB);
  await until(() => slabs.waiting === 1);
  channel.cancel(0);
  await until(() => slabs.waiting === 0);
  await until(() => slabs.waiting === 1);
  assert.equal(heard.count("piece") + heard.count("progress"), 0);
  all.release();
  const { piece, bytes } = await heard.next("piece");
  assert.equal(piece, 1);
  assert.ok(bytes.equals(content.piece(1)));
  link.close();
});

test("requests beyond what a link carries are answered busy on this side", async () => {
  const gate = new RateGate(1);
  await using rig = await pieceRig({ gate, uploadLimits: { ...hostUploadLimits, minPieces: 1000 } });
  rig.contents.set(versionId(1), new RiggedContent(100 * 64 * KIB, 64 * KIB).gain(0, 100));
  const { link, heard, channel } = await openChannel(rig.address);
  for (let piece = 0; piece < maxRequests + 1; piece++) channel.request(piece, 64 * KIB);
  assert.equal((await heard.next("busy")).piece, maxRequests);
  link.close();
});

test("when the other host leaves, the channels hear why and no slab stays behind", async () => {
  const rig = await pieceRig({ gate: new RateGate(100 * KIB) });
  rig.contents.set(versionId(1), new RiggedContent(4 * 512 * KIB, 512 * KIB).gain(0, 4));
  const { link, heard, channel, slabs } = await openChannel(rig.address);
  channel.request(0, 512 * KIB);
  await heard.next("progress");
  const closed = new Promise((resolve) => link.onClosed(resolve));
  await rig[Symbol.asyncDispose]();
  const { error } = await heard.next("closed");
  assert.equal(error?.code, "peer-unreachable");
  assert.match(error?.message ?? "", /the host leaves/);
  assert.equal(await closed, error);
  assert.equal(slabs.lentBytes + rig.slabs.lentBytes, 0);
  assert.throws(() => link.open(versionId(1), heard), { code: "peer-unreachable" });
});

/** A server that is not ours: what it does with its connection is the test's. */
async function foreignServer(serve: (socket: Socket) => void): Promise<AsyncDisposable & { readonly address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close };
}

test("a dialling fails in time and says how", async () => {
  const gone = await foreignServer(() => {});
  await gone[Symbol.asyncDispose]();
  await assert.rejects(dial(gone.address), { code: "peer-unreachable", blame: "peer" });
  await using silent = await foreignServer(() => {});
  await assert.rejects(dial(silent.address, { connectTimeoutMs: 20 }), { code: "timed-out", blame: "peer" });
  const given = new AbortController();
  const dialling = dial(silent.address, { signal: given.signal });
  given.abort();
  await assert.rejects(dialling, { code: "interrupted" });
  await assert.rejects(dial(silent.address, { signal: given.signal }), { code: "interrupted" });
  await using forbidding = await foreignServer((socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
  await assert.rejects(dial(forbidding.address), { code: "peer-unreachable" });
  await using foreign = await foreignServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n\r\n"));
  await assert.rejects(dial(foreign.address), { code: "protocol-violation" });
  await using endless = await foreignServer((socket) => socket.write(`HTTP/1.1 101 x\r\n${"a: b\r\n".repeat(3000)}`));
  await assert.rejects(dial(endless.address), { code: "protocol-violation" });
  await using full = await pieceRig({ maxLinks: 0 });
  await assert.rejects(dial(full.address), { code: "overloaded", blame: "peer" });
  await assert.rejects(dial("nonsense"), { code: "bad-usage" });
});

const part = (piece: number, offset: number, bytes: Buffer, last = false): Buffer =>
  Buffer.concat([encodeFrame({ type: "part", channel: 0, piece, offset, lengthBytes: bytes.length, last }), bytes]);
const bytes100 = Buffer.alloc(100, 5);

const violations: readonly [string, readonly (Frame | Buffer)[]][] = [
  ["a piece that nobody asked for", [part(9, 0, bytes100, true)]],
  ["a piece longer than it is", [part(0, 0, Buffer.alloc(201), true)]],
  ["a piece that grows longer than it is", [part(0, 0, bytes100), part(0, 100, Buffer.alloc(101), true)]],
  ["a piece with a gap", [part(0, 0, bytes100), part(0, 150, bytes100)]],
  ["the middle of a piece first", [part(0, 100, bytes100, true)]],
  ["two pieces mixed", [part(0, 0, bytes100), part(1, 0, bytes100)]],
  ["a piece without an end", [part(0, 0, Buffer.alloc(200))]],
  ["a piece twice", [part(0, 0, bytes100, true), part(0, 0, bytes100, true)]],
  ["an answer that nobody asked for", [{ type: "not-held", channel: 0, piece: 5 }]],
  ["a grant that nobody asked for", [{ type: "granted", channel: 0, piece: 5, lengthBytes: 7 }]],
  ["an acknowledgement of nothing", [{ type: "cancelled", channel: 0, piece: 0 }]],
  ["the end of an open channel", [{ type: "closed", channel: 0 }]],
  ["a channel that is not open", [{ type: "have", channel: 1, pieces: [1] }]],
  ["garbage", [Buffer.from("garbage garbage garbage")]],
];

for (const [name, frames] of violations) {
  test(`${name} ends the link as the other host's fault`, async () => {
    await using server = await foreignServer((socket) => {
      socket.once("data", () => {
        socket.write(upgradeAccepted);
        socket.once("data", () => {
          for (const frame of frames) socket.write(Buffer.isBuffer(frame) ? frame : encodeFrame(frame));
        });
      });
    });
    const { link, heard, channel, slabs } = await openChannel(server.address);
    channel.request(0, 200);
    channel.request(1, 200);
    const { error } = await heard.next("closed");
    assert.equal(error?.code, "protocol-violation");
    assert.equal(error?.blame, "peer");
    assert.equal(slabs.lentBytes, 0);
    assert.ok(link.closed);
  });
}

test("a link is understood byte by byte", async () => {
  const content = new RiggedContent(3 * 100, 100);
  const bytes = Buffer.concat([
    Buffer.from(upgradeAccepted),
    encodeFrame({ type: "bitmap", channel: 0, complete: true, held: Bitset.of(0, 1, 2), pieceCount: 3 }),
    part(0, 0, content.piece(0).subarray(0, 60)),
    encodeFrame({ type: "have", channel: 0, pieces: [7] }),
    part(0, 60, content.piece(0).subarray(60), true),
    encodeFrame({ type: "busy", channel: 0, piece: 1, retryAfterMs: 77 }),
  ]);
  let at = 0;
  const later: (() => void)[] = [];
  await using server = await foreignServer((socket) => {
    socket.setNoDelay(true);
    const step = (): void => {
      if (at < bytes.length) socket.write(bytes.subarray(at, ++at), () => setImmediate(step));
    };
    // The upgrade at once, the rest when the channel is there.
    socket.write(bytes.subarray(0, upgradeAccepted.length));
    at = upgradeAccepted.length;
    later.push(step);
  });
  const { link, heard, channel } = await openChannel(server.address);
  channel.request(0, 100);
  channel.request(1, 100);
  for (const step of later) step();
  assert.deepEqual(await heard.next("busy"), { type: "busy", piece: 1, retryAfterMs: 77 });
  assert.ok((await heard.next("piece")).bytes.equals(content.piece(0)));
  assert.deepEqual(
    heard.all.filter((event) => event.type !== "progress").map((event) => event.type),
    ["bitmap", "have", "piece", "busy"],
  );
  link.close();
});
