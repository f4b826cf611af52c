import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readDaemonStatus, readDownloadEvent, readDownloadRequest } from "./local-api.ts";

const id = "0".repeat(64);
const from = { peers: 1, supernode: 2, origin: 3 };
const events: readonly Readonly<Record<string, unknown>>[] = [
  { type: "accepted", taskId: id, versionId: id, url: "http://h/f", length: null, pieceLength: 65536, file: null },
  { type: "note", message: "m" },
  { type: "progress", bytes: 1, length: 2, pieces: [[0, 1]], from, peers: 1, rateBytesPerSecond: 0.5 },
  { type: "done", bytes: 2, digest: null, piecesDigest: id, reused: false, from, peers: 0 },
  { type: "failed", error: { code: "no-space", blame: "self", message: "m" } },
];

test("each kind of line is taken as it is", () => {
  for (const event of events) assert.deepEqual(readDownloadEvent(event), event);
  assert.equal(readDownloadEvent({ type: "of a newer daemon" }), null);
});

test("a line with any field missing or of another type is refused", () => {
  for (const event of events) {
    for (const key of Object.keys(event)) {
      if (key === "type") continue;
      const broken = { ...event, [key]: Symbol("no") };
      assert.throws(() => readDownloadEvent(broken), { code: "protocol-violation" }, `${event.type} ${key}`);
    }
  }
});

test("anything at all is either an event, nothing, or a protocol violation", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        readDownloadEvent(value);
      } catch (error) {
        assert.equal(error instanceof Error && "code" in error && error.code, "protocol-violation");
      }
    }),
    { numRuns: 200 },
  );
});

test("a request names the field that is wrong", () => {
  const good = { url: "http://h/f", headers: {}, backToSource: true, order: "any" };
  assert.deepEqual(readDownloadRequest(good), good);
  assert.throws(() => readDownloadRequest({ ...good, order: "fast" }), { code: "bad-usage", message: /"order"/ });
  assert.throws(() => readDownloadRequest({ ...good, headers: { a: 1 } }), /"headers"/);
  assert.throws(() => readDownloadRequest({ ...good, headers: [] }), /"headers"/);
  assert.throws(() => readDownloadRequest({ ...good, tagg: "x" }), /unknown key "tagg"/);
  assert.throws(() => readDownloadRequest([]), /not a JSON object/);
});

test("a status tells the supernodes", () => {
  assert.deepEqual(readDaemonStatus({ supernodes: ["http://s:1"], version: "1", more: 1 }), {
    supernodes: ["http://s:1"],
    version: "1",
    standIn: false,
  });
  assert.throws(() => readDaemonStatus({}), { code: "protocol-violation" });
});
