import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { HttpDoor } from "../net/http-door.ts";
import { TestOrigin, type TestOriginOptions, testContent } from "../testing/test-origin.ts";
import { HttpOrigin } from "./http-origin.ts";
import type { Origin } from "./origin.ts";
import {
  OriginReader,
  type OriginReaderLimits,
  type OriginReaderOptions,
  type OriginReadResult,
} from "./origin-reader.ts";

const MIB = 1024 * 1024;
const pieceLength = 64 * 1024;
const content = testContent(3 * MIB + 12_345);
const door = new HttpDoor();
after(() => door.close());

const limits: Partial<OriginReaderLimits> = {
  minPartBytes: 4 * pieceLength,
  maxPartBytes: 8 * pieceLength,
  stallMs: 60_000,
  retry: { tries: 5, firstDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 5, random: Math.random },
  outageMs: 0,
};

/** One reading of one test server into memory. */
class Reading {
  readonly server: TestOrigin;
  readonly pieces = new Map<number, Uint8Array>();
  readonly held = new Bitset();
  readonly abort = new AbortController();
  readonly order: number[] = [];
  reader: OriginReader | undefined;
  onPiece: (index: number) => void = () => {};
  received = 0;
  buffers = 0;
  mostBuffers = 0;

  constructor(server: TestOrigin) {
    this.server = server;
  }

  async read(extra: Partial<OriginReaderOptions> = {}, firstReadBytes = 4 * pieceLength): Promise<OriginReadResult> {
    const origin = new HttpOrigin({ door, firstReadBytes });
    const request = { url: this.server.url(), headers: {} };
    const opened = await origin.open(request, undefined, this.abort.signal);
    assert.ok(opened.kind === "content");
    this.reader = new OriginReader({
      origin,
      request,
      opened,
      pieceLength,
      held: this.held,
      gate: { pass: () => true, wait: async () => {} },
      acquire: async () => {
        this.mostBuffers = Math.max(this.mostBuffers, ++this.buffers);
        return { bytes: new Uint8Array(pieceLength), release: () => void this.buffers-- };
      },
      sink: async (index, bytes) => {
        assert.ok(!this.pieces.has(index), `piece ${index} came twice`);
        this.pieces.set(index, bytes.slice());
        this.order.push(index);
        this.onPiece(index);
      },
      readBack: async (index, into) => {
        const piece = this.pieces.get(index) ?? content.subarray(index * pieceLength, (index + 1) * pieceLength);
        into.set(piece);
        return piece.length;
      },
      onBytes: (bytes) => {
        this.received += bytes;
      },
      signal: this.abort.signal,
      limits,
      ...extra,
    });
    return this.reader.read();
  }

  /** All pieces but those that were held before, byte for byte. */
  assertContent(expected: Uint8Array = content): void {
    for (let index = 0; index * pieceLength < expected.length; index++) {
      const piece = expected.subarray(index * pieceLength, (index + 1) * pieceLength);
      if (this.held.has(index)) assert.ok(!this.pieces.has(index));
      else assert.ok(Buffer.from(piece).equals(this.pieces.get(index) ?? Buffer.alloc(0)), `piece ${index}`);
    }
  }
}

async function against(options: TestOriginOptions, run: (reading: Reading) => Promise<void>): Promise<void> {
  const server = await TestOrigin.start({ content, ...options });
  const reading = new Reading(server);
  try {
    await run(reading);
    assert.equal(reading.buffers, 0, "all buffers are given back");
  } finally {
    await server.close();
  }
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const whole: OriginReadResult = { length: content.length, sha256: sha256(content) };

test("a healthy origin sends every byte once, over several connections that serve again and again", () =>
  against({ rateBytesPerSecond: 16 * MIB }, async (reading) => {
    assert.deepEqual(await reading.read(), whole);
    reading.assertContent();
    assert.equal(reading.server.sentBytes, content.length);
    assert.equal(reading.received, content.length);
    // The server may learn of a part's end after the reader has asked for the next: then it counts one more.
    const { mostServing } = reading.server;
    assert.ok(mostServing >= 2 && mostServing <= 5, `${mostServing} at once`);
    assert.ok((await reading.server.connections()) < reading.server.requests.length);
    assert.ok(reading.mostBuffers <= 9);
  }));

test("what is waited for far ahead is read on a connection of its own, and nothing is read twice", () =>
  against({}, async (reading) => {
    // All but the first read and what is asked for ahead waits until that is there.
    let arrived = (): void => {};
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const far = `bytes=${40 * pieceLength}-${42 * pieceLength - 1}`;
    reading.server.script = (nth, { headers }) => (nth === 0 || headers.range === far ? undefined : { hold: here });
    reading.onPiece = (index) => {
      if (index === 0) reading.reader?.readFirst(40, 42);
      if (index === 41) arrived();
    };
    assert.deepEqual(await reading.read(), whole);
    reading.assertContent();
    assert.deepEqual(
      reading.order.slice(0, 6).toSorted((a, b) => a - b),
      [0, 1, 2, 3, 40, 41],
    );
    assert.equal(reading.server.sentBytes, content.length);
    assert.equal(reading.received, content.length);
  }));

test("a content that fits into the first read costs one request; empty and single bytes too", async () => {
  for (const length of [0, 1, pieceLength, pieceLength + 1]) {
    const small = content.subarray(0, length);
    await against({ content: small }, async (reading) => {
      assert.deepEqual(await reading.read(), { length, sha256: sha256(small) });
      reading.assertContent(small);
      if (length > 0) assert.equal(reading.server.requests.length, 1);
    });
  }
});

test("without ranges, with or without a known length, one stream brings all in order", async () => {
  for (const chunked of [false, true]) {
    await against({ ranges: false, chunked }, async (reading) => {
      assert.deepEqual(await reading.read(), whole);
      reading.assertContent();
      assert.deepEqual(
        reading.order,
        reading.order.toSorted((a, b) => a - b),
      );
      assert.deepEqual([reading.server.requests.length, reading.server.sentBytes], [1, content.length]);
    });
  }
});

test("held pieces are not asked for and still count for the digest", async () => {
  for (const ranges of [true, false]) {
    await against({ ranges }, async (reading) => {
      reading.held.addRange(5, 20);
      reading.held.add(0);
      assert.deepEqual(await reading.read(), whole);
      reading.assertContent();
      if (ranges) assert.equal(reading.server.sentBytes, content.length - 15 * pieceLength);
    });
  }
  await against({}, async (reading) => {
    reading.held.addRange(0, 49);
    assert.deepEqual(await reading.read(), whole);
    assert.equal(reading.pieces.size, 0);
  });
});

test("without a way to read back there is a digest only where all came in order", async () => {
  const readBack = async (): Promise<number> => 0;
  await against({}, async (reading) => {
    assert.deepEqual(await reading.read({ readBack, limits: { ...limits, connections: 1 } }), whole);
  });
  await against({}, async (reading) => {
    reading.held.add(0);
    assert.deepEqual(await reading.read({ readBack }), { length: content.length, sha256: undefined });
  });
});

test("a part that breaks off is resumed at its byte", () =>
  against({ script: (nth) => (nth % 3 === 1 ? { cutAfterBytes: 100_001 } : undefined) }, async (reading) => {
    assert.deepEqual(await reading.read(), whole);
    reading.assertContent();
    assert.equal(reading.server.sentBytes, content.length);
  }));

test("an origin without ranges that breaks at 70 % begins anew, and what it repeats is checked", async () => {
  const cutAfterBytes = Math.floor(content.length * 0.7);
  for (const chunked of [false, true]) {
    const broken = { cutAfterBytes };
    await against({ ranges: false, chunked, script: (nth) => (nth === 0 ? broken : undefined) }, async (reading) => {
      assert.deepEqual(await reading.read(), whole);
      reading.assertContent();
      assert.equal(reading.server.requests.length, 2);
    });
    const other = testContent(content.length, 9);
    await against({ ranges: false, chunked, script: (nth) => (nth === 0 ? broken : { content: other }) }, (reading) =>
      assert.rejects(reading.read(), { code: "origin-changed" }),
    );
    const nameless = { ranges: false, chunked, etag: null, lastModified: null };
    await against({ ...nameless, script: (nth) => (nth === 0 ? { cutAfterBytes } : { content: other }) }, (reading) =>
      assert.rejects(reading.read(), { code: "origin-changed" }),
    );
  }
});

test("silence counts as a broken connection", async () => {
  await against({ script: (nth) => (nth === 2 ? { stallAfterBytes: 70_000 } : undefined) }, async (reading) => {
    assert.deepEqual(await reading.read({ limits: { ...limits, stallMs: 1_000 } }), whole);
    assert.equal(reading.server.sentBytes, content.length);
  });
  await against({ stallAfterBytes: 0 }, (reading) =>
    assert.rejects(reading.read({ limits: { ...limits, stallMs: 10 } }), {
      code: "origin-unreachable",
      message: /sent nothing for 0.01 s/,
    }),
  );
});

test("500 and 429 are tried again, and fewer connections used where more are refused", async () => {
  await against(
    { script: (nth) => (nth > 0 && nth < 5 ? { status: nth % 2 ? 500 : 429 } : undefined) },
    async (reading) => {
      assert.deepEqual(await reading.read(), whole);
      assert.equal(reading.server.sentBytes - 4 * 3, content.length);
    },
  );
  await against({ maxConcurrent: 2, rateBytesPerSecond: 20 * MIB }, async (reading) => {
    assert.deepEqual(await reading.read(), whole);
    reading.assertContent();
  });
});

test("an outage in the middle is waited for, longer than tries go, and not one from which only half answers come", async () => {
  const patient = { limits: { ...limits, outageMs: 60_000 } };
  await against({ script: (nth) => (nth > 3 && nth < 40 ? { status: 503 } : undefined) }, async (reading) => {
    assert.deepEqual(await reading.read(patient), whole);
    reading.assertContent();
  });
  await against({ script: (nth) => (nth > 3 && nth < 40 ? { cutAfterBytes: 0 } : undefined) }, async (reading) => {
    assert.deepEqual(await reading.read(patient), whole);
  });
  await against({ script: (nth) => (nth > 3 ? { status: 503 } : undefined) }, (reading) =>
    assert.rejects(reading.read(), { code: "origin-refused", originStatus: 503 }),
  );
  await against({ ranges: false, announcedLength: content.length + 1000 }, async (reading) => {
    await assert.rejects(reading.read(patient), { code: "origin-truncated" });
    assert.equal(reading.server.requests.length, 5);
  });
});

test("a lying length is told when it lies again and again", async () => {
  await against({ ranges: false, announcedLength: content.length + 1000 }, async (reading) => {
    await assert.rejects(reading.read(), { code: "origin-truncated", message: /breaks off at byte \d+ of \d+/ });
    assert.equal(reading.server.requests.length, 5);
  });
  await against({ script: (nth) => (nth > 0 ? { cutAfterBytes: 0 } : undefined) }, (reading) =>
    assert.rejects(reading.read(), { code: "origin-unreachable" }),
  );
});

test("a change in the middle ends the reading", () =>
  against({ script: (nth) => (nth > 3 ? { etag: '"v2"' } : undefined) }, async (reading) => {
    await assert.rejects(reading.read(), { code: "origin-changed", blame: "origin" });
  }));

test("a refused part ends the reading with the origin's status", () =>
  against({ script: (nth) => (nth > 3 ? { status: 404 } : undefined) }, (reading) =>
    assert.rejects(reading.read(), { code: "origin-refused", originStatus: 404 }),
  ));

test("an abort leaves no request, whatever the reader waits for", async () => {
  const noRequests = async (server: TestOrigin): Promise<void> => {
    while (server.serving > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const interrupted = { code: "interrupted" };
  await against({ script: (nth) => (nth > 2 ? { stallAfterBytes: 10 } : undefined) }, async (reading) => {
    const onBytes = (): void => void (reading.server.requests.length === 5 && reading.abort.abort());
    await assert.rejects(reading.read({ onBytes, limits: { ...limits, stallMs: 60_000 } }), interrupted);
    await noRequests(reading.server);
  });
  await against({}, async (reading) => {
    const wait = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("waited enough")));
        reading.abort.abort(new DragonflyError("timed-out", "the time is over"));
      });
    await assert.rejects(reading.read({ gate: { pass: () => false, wait } }), { code: "timed-out" });
    await noRequests(reading.server);
  });
});

test("a sink that fails ends the reading with its error", () =>
  against({}, async (reading) => {
    const full = new DragonflyError("no-space", "the disk is full");
    const sink = async (index: number): Promise<void> => {
      if (index === 7) throw full;
    };
    await assert.rejects(reading.read({ sink }), full);
  }));

/** An origin in memory that gives `most` bytes an answer at most, and `extra` more than it should. */
function memoryOrigin(most: number, extra: number): Origin {
  const info = { length: content.length, ranged: true };
  const body = (start: number, end: number): Readable => Readable.from([content.slice(start, end + extra)]);
  return {
    open: async () => ({ kind: "content", info, body: body(0, most), bodyLength: most }),
    read: async (_, __, start, end) => body(start, Math.min(end ?? content.length, start + most)),
    close: async () => {},
  };
}

test("answers that are shorter than asked for are continued, longer ones refused", async () => {
  const opened = async (origin: Origin) => {
    const answer = await origin.open({ url: "http://memory/", headers: {} }, undefined, new AbortController().signal);
    assert.ok(answer.kind === "content");
    return { origin, opened: answer };
  };
  await against({}, async (reading) => {
    assert.deepEqual(await reading.read(await opened(memoryOrigin(50_001, 0))), whole);
    reading.assertContent();
    assert.equal(reading.received, content.length);
  });
  await against({}, async (reading) => {
    await assert.rejects(reading.read(await opened(memoryOrigin(256 * 1024, 1))), {
      code: "origin-truncated",
      message: /more bytes than it announced/,
    });
  });
});

test("a slow sink holds back the origin with few buffers", () =>
  against({}, async (reading) => {
    const waiting: (() => void)[] = [];
    let finished = false;
    const sink = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
    const read = reading.read({ sink, readBack: async () => 0 }).finally(() => {
      finished = true;
    });
    while (waiting.length < 8) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(reading.buffers <= 9);
    while (!finished) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await read).length, content.length);
    assert.ok(reading.mostBuffers <= 9);
  }));
