import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitset } from "./bitset.ts";
import { Download, type DownloadOptions } from "./download.ts";
import type { DownloadEffect, DownloadEvent } from "./download-event.ts";
import type { HostId } from "./ids.ts";
import { seededRandom } from "./random.ts";
import { TokenBucket } from "./token-bucket.ts";

const seed = "seed" as HostId;
const ann = "ann" as HostId;
const bob = "bob" as HostId;
const cid = "cid" as HostId;
const pieceLength = 1000;

/** A download and a clock: each event is answered by what the download wants, in words. */
class Dialogue {
  readonly download: Download;
  now = 1000;

  constructor(options: Partial<DownloadOptions> & { readonly pieces: number }) {
    const { pieces, ...rest } = options;
    const length = pieces * pieceLength;
    this.download = new Download({ length, pieceLength, held: new Bitset(), random: seededRandom(1), ...rest });
    this.download.step({ type: "known", from: 0, to: pieces }, this.now);
    this.download.step({ type: "sealed", length }, this.now);
  }

  say(event: DownloadEvent): readonly string[] {
    return this.download.step(event, this.now).map(inWords);
  }

  /** Lets time pass until the download wants to be woken, at most so long; what it wants on the way. */
  sleep(ms: number): readonly string[] {
    const until = this.now + ms;
    const said: string[] = [];
    while (this.download.nextWake() <= until) {
      this.now = Math.max(this.now, this.download.nextWake());
      said.push(...this.say({ type: "wake" }));
    }
    this.now = until;
    return said;
  }

  /** A neighbour that is there and holds these. */
  meet(id: HostId, ...held: readonly number[]): readonly string[] {
    this.download.step({ type: "introduced", id, seed: id === seed }, this.now);
    return this.say({ type: "bitmap", id, held: Bitset.of(...held) });
  }

  /** A piece comes from someone after a while. */
  bring(id: HostId, piece: number, afterMs = 20): readonly string[] {
    this.now += afterMs;
    return this.say({ type: "verified", id, piece });
  }
}

function inWords(effect: DownloadEffect): string {
  switch (effect.type) {
    case "request":
      return `${effect.to}: ${effect.piece}?`;
    case "request-any":
      return `${effect.to}: any of ${[...effect.wanted].join(" ")}?`;
    case "cancel":
      return `${effect.to}: not ${effect.piece}`;
    case "more-neighbours":
      return `supernode: ${effect.count} more${effect.least === undefined ? "" : ` for ${effect.least}`}`;
    case "drop":
      return `drop ${effect.id}`;
    case "strike":
      return `strike ${effect.id} ${effect.reason} ${effect.piece}`;
    case "go-to-origin":
      return `origin: ${effect.from}-${effect.to ?? ""}`;
    case "read-first":
      return `read ${effect.from}-${effect.to} first`;
    case "doubt":
      return `doubt ${effect.id}`;
    case "starving":
      return `nowhere: ${[...effect.pieces].join(" ")}`;
    case "complete":
      return effect.type;
  }
}

test("the rarest piece is asked for first", () => {
  const talk = new Dialogue({ pieces: 4 });
  talk.download.step({ type: "introduced", id: ann, seed: false }, talk.now);
  talk.download.step({ type: "introduced", id: bob, seed: false }, talk.now);
  // Nobody can be asked while the first holds what is missing elsewhere only: the second names all there is.
  assert.deepEqual(talk.say({ type: "have", id: bob, pieces: [0, 1, 3] }), []);
  const asked = talk.say({ type: "bitmap", id: ann, held: Bitset.of(0, 1, 2, 3) });
  assert.equal(asked[0], "ann: 2?");
});

test("at one neighbour there are at most two requests when there are others", () => {
  const talk = new Dialogue({ pieces: 10 });
  talk.download.step({ type: "introduced", id: bob, seed: false }, talk.now);
  talk.download.step({ type: "bitmap", id: bob, held: new Bitset() }, talk.now);
  const alone = talk.meet(ann, 0, 1, 2, 3, 4, 5);
  assert.equal(alone.length, 3, "alone it is asked for all that is wanted at once");
  assert.equal(talk.say({ type: "bitmap", id: bob, held: Bitset.of(6, 7, 8) }).length, 0);
  const next = talk.bring(ann, Number(alone[0]?.match(/\d+/)?.[0]));
  assert.deepEqual(
    next.map((line) => line.slice(0, 3)),
    ["bob"],
  );
});

test("the seed is asked last, for any piece, and one question at a time", () => {
  const talk = new Dialogue({ pieces: 4 });
  assert.deepEqual(talk.meet(seed), ["seed: any of 0 1 2 3?"]);
  assert.deepEqual(talk.meet(ann, 3), ["ann: 3?"]);
  assert.deepEqual(talk.say({ type: "granted", id: seed, piece: 0 }), ["seed: any of 1 2?"]);
});

test("a reader who is alone with the seed gets the pieces in his order, and more of them on their way at once", () => {
  const talk = new Dialogue({ pieces: 9 });
  talk.say({ type: "reader", piece: 2 });
  assert.deepEqual(talk.meet(seed), ["seed: any of 2?"]);
  const asked = [2, 3, 4, 5].flatMap((piece) => talk.say({ type: "granted", id: seed, piece }));
  assert.deepEqual(asked, ["seed: any of 3?", "seed: any of 4?", "seed: any of 5?", "seed: any of 6?"]);
  talk.download.step({ type: "introduced", id: ann, seed: false }, talk.now);
  talk.say({ type: "granted", id: seed, piece: 6 });
  assert.deepEqual(talk.bring(seed, 2), [], "with somebody to exchange with there are fewer");
  talk.bring(seed, 3);
  assert.deepEqual(talk.bring(seed, 4), ["seed: any of 7 8?"], "and the seed chooses within the window");
});

test("a reader far from what the manifest names has the seed read there first", () => {
  const download = new Download({ length: 9000, pieceLength, held: new Bitset(), random: seededRandom(1) });
  download.step({ type: "known", from: 0, to: 2 }, 0);
  const say = (event: DownloadEvent): readonly string[] => download.step(event, 0).map(inWords);
  assert.deepEqual(say({ type: "reader", piece: 2 }), []);
  assert.deepEqual(say({ type: "reader", piece: 6, last: 7 }), ["read 6-8 first"]);
  assert.deepEqual(say({ type: "reader", piece: 6, last: 7 }), []);
  say({ type: "seed-back" });
  assert.deepEqual(say({ type: "reader", piece: 6, last: 7 }), ["read 6-8 first"]);
});

test("a piece that came from elsewhere while the seed chose it is cancelled", () => {
  const talk = new Dialogue({ pieces: 3 });
  talk.meet(seed);
  talk.meet(ann, 1);
  const said = talk.say({ type: "granted", id: seed, piece: 1 });
  assert.equal(said[0], "seed: not 1");
});

test("who says busy is left alone for as long as it said", () => {
  const talk = new Dialogue({ pieces: 1 });
  assert.deepEqual(talk.meet(ann, 0), ["ann: 0?"]);
  assert.deepEqual(talk.say({ type: "busy", id: ann, piece: 0, retryAfterMs: 20 }), []);
  assert.equal(talk.download.nextWake(), talk.now + 20);
  assert.deepEqual(talk.sleep(19), []);
  assert.deepEqual(talk.sleep(1), ["ann: 0?"]);
});

test("when all that is missing is in flight, a late request is made a second time and the loser is cancelled", () => {
  const talk = new Dialogue({ pieces: 2 });
  talk.meet(ann, 0, 1);
  talk.meet(bob, 0, 1);
  assert.deepEqual(talk.bring(ann, 0, 20), ["bob: 1?"]);
  assert.deepEqual(talk.bring(bob, 1, 5), ["ann: not 1", "complete"]);
  assert.equal(talk.download.state, "complete");
  assert.equal(talk.download.nextWake(), Number.POSITIVE_INFINITY);
});

test("a host that was held up itself suspects nobody for what may have come meanwhile, but only once", () => {
  const talk = new Dialogue({ pieces: 2 });
  assert.deepEqual(talk.meet(ann, 0, 1), ["ann: 1?", "ann: 0?"]);
  assert.deepEqual(talk.bring(ann, 1, 10), []);
  // Suspicion was due after 300 ms, or four times the usual 10.
  talk.now += 2000;
  assert.deepEqual(
    talk.say({ type: "wake" }).filter((line) => !line.startsWith("supernode")),
    [],
  );
  talk.now += 2000;
  const said = talk.say({ type: "wake" }).filter((line) => !line.startsWith("supernode"));
  assert.deepEqual(said, ["ann: not 0", "doubt ann"]);
});

test("a request without progress is made elsewhere, and who stalls thrice is dropped with a strike", () => {
  const talk = new Dialogue({ pieces: 3 });
  talk.meet(ann, 0, 1, 2);
  talk.bring(ann, 0);
  const said = talk.sleep(20_000).filter((line) => !line.startsWith("supernode"));
  const asked = said.filter((line) => line.endsWith("?")).length;
  assert.ok(said.includes("drop ann"));
  assert.equal(said.filter((line) => line.startsWith("strike ann stalled")).length, 1);
  assert.equal(said.filter((line) => line === "doubt ann").length, 1, "the supernode is asked about it once");
  assert.ok(asked < 6, `${asked} requests to a dead neighbour`);
});

test("bytes that arrive keep suspicion away", () => {
  const talk = new Dialogue({ pieces: 2 });
  talk.meet(ann, 0, 1);
  talk.bring(ann, 0);
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(
      talk.sleep(250).filter((line) => line.startsWith("ann")),
      [],
    );
    talk.say({ type: "arriving", id: ann, piece: 1 });
  }
});

test("what a neighbour sends speaks for what waits behind it, but not for ever", () => {
  const talk = new Dialogue({ pieces: 400 });
  const said: string[] = [...talk.meet(ann, ...Array.from({ length: 400 }, (_, piece) => piece))];
  const asked = (): readonly string[] => said.filter((line) => /^ann: \d+\?$/.test(line));
  const pieceOf = (line = ""): number => Number.parseInt(line.slice("ann: ".length), 10);
  const swallowed = pieceOf(asked()[0]);
  const startMs = talk.now;
  // The first is never sent, and all others are.
  for (let nth = 1; nth < asked().length && !said.includes(`ann: not ${swallowed}`); nth++) {
    said.push(...talk.sleep(100), ...talk.bring(ann, pieceOf(asked()[nth]), 10));
  }
  const tookMs = talk.now - startMs;
  // Without a sign of life 300 ms would be enough.
  assert.ok(tookMs > 600 && tookMs < 5000, `given up after ${tookMs} ms`);
});

test("a seed, whose queue is others' too, has a second, however fast it was before", () => {
  const talk = new Dialogue({ pieces: 3 });
  talk.meet(seed);
  talk.say({ type: "granted", id: seed, piece: 0 });
  talk.bring(seed, 0, 5);
  talk.say({ type: "granted", id: seed, piece: 1 });
  const cancelled = (said: readonly string[]) => said.filter((line) => line.startsWith("seed: not"));
  assert.deepEqual(cancelled(talk.sleep(900)), []);
  assert.notEqual(cancelled(talk.sleep(200)).length, 0);
});

test("a broken piece is a strike, the end of the neighbour, and asked for elsewhere", () => {
  const talk = new Dialogue({ pieces: 1 });
  talk.meet(ann, 0);
  talk.meet(bob, 0);
  assert.deepEqual(talk.say({ type: "corrupt", id: ann, piece: 0 }), ["strike ann corrupt 0", "drop ann", "bob: 0?"]);
});

test("who holds not what it said is struck and asked for the rest", () => {
  const talk = new Dialogue({ pieces: 2 });
  talk.meet(ann, 0, 1);
  assert.equal(talk.say({ type: "not-held", id: ann, piece: 0 })[0], "strike ann lied 0");
});

test("each second the least useful neighbour is offered for a fresh one", () => {
  const talk = new Dialogue({ pieces: 3 });
  for (let i = 0; i < 9; i++) talk.meet(`n${i}` as HostId);
  talk.meet(ann, 0, 1, 2);
  const said = talk.sleep(1000).filter((line) => line.startsWith("supernode"));
  assert.deepEqual(said, ["supernode: 1 more for n0"]);
});

test("missing neighbours are asked for", () => {
  const talk = new Dialogue({ pieces: 3 });
  talk.meet(ann);
  assert.deepEqual(talk.sleep(1000), ["supernode: 9 more"]);
});

test("more requests are in flight once a swarm has turned out to be small", () => {
  const talk = new Dialogue({ pieces: 40 });
  const all = Array.from({ length: 40 }, (_, piece) => piece);
  const asked: string[] = [];
  for (let i = 0; i < 7; i++) asked.push(...talk.meet(`n${i}` as HostId, ...all));
  assert.equal(asked.length, 3);
  const bringAll = (): void => {
    const requests = asked.splice(0);
    for (const line of requests) {
      const [, id, piece] = /^(\w+): (\d+)\?$/.exec(line) ?? [];
      asked.push(...talk.bring(id as HostId, Number(piece), 0).filter((said) => said.endsWith("?")));
    }
  };
  talk.sleep(1000);
  bringAll();
  assert.equal(talk.download.inFlightCount, 3, "others may still come");
  talk.sleep(1000);
  bringAll();
  assert.equal(talk.download.inFlightCount, 5, "none came");
  for (const id of ["ann", "bob"]) asked.push(...talk.meet(id as HostId, ...all));
  talk.sleep(1000);
  bringAll();
  assert.equal(talk.download.inFlightCount, 3, "two came after all");
});

test("in a small swarm the seed always has one request, whatever neighbours hold", () => {
  const talk = new Dialogue({ pieces: 40 });
  const all = Array.from({ length: 40 }, (_, piece) => piece);
  const asked = [...talk.meet(ann, ...all)];
  assert.deepEqual(talk.meet(seed), [], "who has neighbours asks them");
  const seedIn = (said: readonly string[]): readonly string[] => said.filter((line) => line.startsWith("seed"));
  /** Of what is asked when ann brings the next piece, that which the seed is asked. */
  const bringNext = (): readonly string[] => {
    const said = talk.bring(ann, Number(/^ann: (\d+)\?$/.exec(asked.shift() ?? "")?.[1]), 0);
    asked.push(...said.filter((line) => line.startsWith("ann")));
    return seedIn(said);
  };
  assert.deepEqual(seedIn(talk.sleep(1000)), [], "others may still come");
  const [question] = seedIn(talk.sleep(1000));
  const granted = Number(/^seed: any of (\d+)/.exec(question ?? "none came")?.[1]);
  assert.deepEqual(bringNext(), [], "one question at a time");
  talk.say({ type: "granted", id: seed, piece: granted });
  assert.deepEqual(bringNext(), [], "one piece at a time");
  assert.match(talk.bring(seed, granted, 0).join(), /seed: any of/);
});

test("in a small swarm the seed is left alone while little is known that is missing", () => {
  const talk = new Dialogue({ pieces: 6 });
  talk.meet(ann, 0, 1, 2, 3, 4, 5);
  talk.meet(seed);
  const said = [...talk.sleep(1000), ...talk.sleep(1000), ...talk.bring(ann, 0), ...talk.bring(ann, 1)];
  assert.deepEqual(
    said.filter((line) => line.startsWith("seed: any")),
    [],
  );
});

test("with the seed away and nobody to ask the origin is next, after a moment", () => {
  const talk = new Dialogue({ pieces: 1 });
  talk.say({ type: "seed-away" });
  assert.ok(!talk.sleep(1499).includes("origin: 0-1"));
  assert.deepEqual(talk.sleep(1), ["origin: 0-1"]);
  assert.deepEqual(talk.say({ type: "fetched", piece: 0 }), ["complete"]);
});

test("with the seed away and a neighbour that has something the origin is left alone", () => {
  const talk = new Dialogue({ pieces: 1 });
  talk.say({ type: "seed-away" });
  talk.meet(ann, 0);
  assert.deepEqual(atOrigin(talk.sleep(2000)), []);
});

test("a seed that comes back in time spares the origin", () => {
  const talk = new Dialogue({ pieces: 1 });
  talk.say({ type: "seed-away" });
  talk.sleep(1000);
  talk.say({ type: "seed-back" });
  assert.deepEqual(atOrigin(talk.sleep(5000)), []);
});

const atOrigin = (said: readonly string[]): string[] => said.filter((line) => line.startsWith("origin"));

/** Twelve parts, and a neighbour that is nearer to read some of them. */
function shared(): { readonly talk: Dialogue; readonly own: string[] } {
  const talk = new Dialogue({ pieces: 96, self: "me" as HostId });
  talk.meet(ann);
  talk.say({ type: "seed-away" });
  const own: string[] = [];
  let said = atOrigin(talk.sleep(1500));
  while (said.length > 0) {
    own.push(...said);
    const [, from = "", to = ""] = /(\d+)-(\d+)/.exec(said[0] ?? "") ?? [];
    for (let piece = Number(from); piece < Number(to); piece++) talk.say({ type: "fetched", piece });
    said = atOrigin(talk.say({ type: "origin-left" }));
  }
  return { talk, own };
}

test("at the origin a host reads its own parts and waits for the neighbour that is nearer to read the others", () => {
  const { talk, own } = shared();
  assert.ok(own.length > 0 && own.length < 12, own.join());
  const piece = Array.from({ length: 96 }, (_, nth) => nth).find(
    (nth) => !own.some((part) => part === `origin: ${nth - (nth % 8)}-${nth - (nth % 8) + 8}`),
  );
  assert.deepEqual(atOrigin(talk.sleep(1000)), []);
  assert.deepEqual(talk.say({ type: "have", id: ann, pieces: [piece ?? 0] }), [`ann: ${piece}?`]);
});

test("parts of a neighbour that does not read them are read after a while", () => {
  const { talk, own } = shared();
  const others = atOrigin(talk.sleep(2000));
  assert.equal(others.length, 1);
  assert.ok(!own.includes(others[0] ?? ""));
});

test("what nobody signed is asked for only when the seed is away, and of each neighbour once", () => {
  const unsigned = new Download({
    length: 2 * pieceLength,
    pieceLength,
    held: new Bitset(),
    random: seededRandom(1),
    self: "me" as HostId,
  });
  let now = 1000;
  const say = (event: DownloadEvent): string[] => unsigned.step(event, now).map(inWords);
  for (const id of [ann, bob]) {
    say({ type: "introduced", id, seed: false });
    assert.deepEqual(say({ type: "bitmap", id, held: Bitset.of(0) }), []);
  }
  say({ type: "seed-away" });
  now += 1500;
  const [first = ""] = say({ type: "wake" }).filter((line) => line.includes("0?"));
  const [one, other] = first.startsWith("ann") ? [ann, bob] : [bob, ann];
  assert.deepEqual(say({ type: "vouched", id: one, piece: 0 }), [`${other}: 0?`]);
  assert.deepEqual(atOrigin(say({ type: "verified", id: other, piece: 0 })), ["origin: 1-2"]);
  say({ type: "fetched", piece: 1 });
  assert.deepEqual(say({ type: "origin-left" }), ["complete"]);
});

test("a seed that has nothing of what is missing, as nobody has, is told so after a while", () => {
  const talk = new Dialogue({ pieces: 2 });
  assert.deepEqual(talk.meet(seed), ["seed: any of 0 1?"]);
  const said: string[] = [];
  for (let nth = 0; nth < 20; nth++) {
    said.push(...talk.say({ type: "not-held", id: seed, piece: undefined }));
    talk.sleep(100);
  }
  assert.deepEqual(
    said.filter((line) => line.startsWith("nowhere")),
    ["nowhere: 0 1"],
  );
});

test("a limit spreads the requests", () => {
  // 100 pieces a second, and 64 KiB at once.
  const limit = new TokenBucket(100 * pieceLength);
  const talk = new Dialogue({ pieces: 400, limit });
  limit.take(64 * 1024, talk.now);
  const held = Array.from({ length: 400 }, (_, piece) => piece);
  const asked: string[] = [...talk.meet(ann, ...held)];
  for (let ms = 0; ms < 1000; ms += 5) {
    talk.now += 5;
    for (const line of asked.splice(0)) asked.push(...talk.bring(ann, Number(line.match(/\d+/)?.[0]), 0));
    asked.push(...talk.say({ type: "wake" }).filter((line) => line.startsWith("ann")));
  }
  assert.ok(talk.download.heldCount >= 90 && talk.download.heldCount <= 102, `${talk.download.heldCount}`);
});

test("a reader's pieces come from the window that begins where it waits", () => {
  const talk = new Dialogue({ pieces: 1000 });
  talk.say({ type: "reader", piece: 500 });
  const held = Array.from({ length: 1000 }, (_, piece) => piece);
  const asked = talk.meet(ann, ...held).map((line) => Number(line.match(/\d+/)?.[0]));
  assert.equal(asked.length, 3);
  for (const piece of asked) assert.ok(piece >= 500 && piece < 596, `${piece}`);
});

test("what is on disk already is neither asked for nor missing", () => {
  const talk = new Dialogue({ pieces: 2, held: Bitset.of(0) });
  assert.deepEqual(talk.meet(ann, 0, 1), ["ann: 1?"]);
  assert.deepEqual(talk.bring(ann, 1), ["complete"]);
});

test("pieces that become known are asked of a seed that has been waiting for them", () => {
  const download = new Download({ length: null, pieceLength, held: new Bitset(), random: seededRandom(1) });
  download.step({ type: "introduced", id: seed, seed: true }, 0);
  download.step({ type: "bitmap", id: seed, held: new Bitset() }, 0);
  assert.deepEqual(download.step({ type: "known", from: 0, to: 2 }, 5).map(inWords), ["seed: any of 0 1?"]);
  download.step({ type: "busy", id: seed, piece: undefined, retryAfterMs: 20 }, 6);
  assert.equal(download.nextWake(), 26);
});

test("a neighbour that goes takes its requests with it", () => {
  const talk = new Dialogue({ pieces: 2 });
  talk.meet(ann, 0, 1);
  talk.meet(cid, 0, 1);
  const said = talk.say({ type: "gone", id: ann });
  assert.deepEqual([...said].sort(), ["cid: 0?", "cid: 1?"]);
  assert.deepEqual(talk.bring(ann, 0), ["cid: not 0"], "late bytes are taken all the same");
});
