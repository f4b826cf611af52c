import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitset } from "./bitset.ts";
import { Download } from "./download.ts";
import type { DownloadEffect, DownloadEvent } from "./download-event.ts";
import { downloadTuning } from "./download-tuning.ts";
import type { HostId } from "./ids.ts";
import { type Random, seededRandom } from "./random.ts";

/** What may go wrong, each with its chance for one request or one host. */
interface Faults {
  readonly busy: number;
  readonly corrupt: number;
  readonly silent: number;
  readonly die: number;
}

interface Happening {
  readonly atMs: number;
  readonly run: () => void;
}

const pieceLength = 1000;
const seedId = "seed" as HostId;

/** A swarm in which messages take random times and anything may fail but the seed, and every effect is checked. */
class World {
  readonly peers: Peer[] = [];
  readonly random: Random;
  readonly faults: Faults;
  readonly pieces: number;
  nowMs = 0;
  steps = 0;
  #happenings: Happening[] = [];

  constructor(seed: number, shape: { readonly peers: number; readonly pieces: number; readonly faults: Faults }) {
    this.random = seededRandom(seed);
    this.faults = shape.faults;
    this.pieces = shape.pieces;
    for (let at = 0; at < shape.peers; at++) this.peers.push(new Peer(this, `p${at}` as HostId));
    for (const peer of this.peers) this.after(this.random.integer(500), () => peer.start());
    for (const peer of this.peers) {
      if (this.chance(shape.faults.die)) this.after(this.random.integer(3000), () => this.kill(peer));
    }
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  after(ms: number, run: () => void): void {
    this.#happenings.push({ atMs: this.nowMs + ms, run });
  }

  kill(peer: Peer): void {
    peer.alive = false;
    for (const other of this.peers)
      this.after(this.random.integer(10), () => other.hear({ type: "gone", id: peer.id }));
  }

  run(): void {
    while (this.peers.some((peer) => peer.alive && peer.download.state !== "complete")) {
      assert.ok(this.steps++ < 200_000, "it never ends");
      let next: Happening | undefined;
      for (const one of this.#happenings) if (next === undefined || one.atMs < next.atMs) next = one;
      const sleepers = this.peers.filter((peer) => peer.alive && peer.started);
      const wakeMs = Math.min(...sleepers.map((peer) => peer.download.nextWake()));
      if (next === undefined || wakeMs < next.atMs) {
        assert.ok(wakeMs < Number.POSITIVE_INFINITY, "all wait for nothing");
        this.nowMs = Math.max(this.nowMs, wakeMs);
        for (const peer of sleepers) if (peer.download.nextWake() <= this.nowMs) peer.hear({ type: "wake" });
        continue;
      }
      this.#happenings = this.#happenings.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
  }
}

class Peer {
  readonly id: HostId;
  readonly download: Download;
  readonly held = new Bitset();
  alive = true;
  started = false;
  readonly #world: World;
  readonly #known = new Bitset();
  /** Asked for and neither answered nor cancelled. */
  readonly #asked = new Map<string, { cancelled: boolean }>();

  constructor(world: World, id: HostId) {
    this.#world = world;
    this.id = id;
    const length = world.pieces * pieceLength;
    this.download = new Download({
      length,
      pieceLength,
      held: new Bitset(),
      random: seededRandom(world.random.integer(1e9)),
    });
  }

  start(): void {
    const world = this.#world;
    this.started = true;
    for (let piece = 0; piece < world.pieces; piece++) {
      world.after(world.random.integer(300), () => {
        this.#known.add(piece);
        this.hear({ type: "known", from: piece, to: piece + 1 });
      });
    }
    world.after(300, () => this.hear({ type: "sealed", length: world.pieces * pieceLength }));
    this.#meet(seedId);
    for (const other of world.peers) if (other !== this && world.chance(0.6)) this.#meet(other.id);
  }

  hear(event: DownloadEvent): void {
    if (!this.alive || !this.started) return;
    const world = this.#world;
    for (const effect of this.download.step(event, world.nowMs)) this.#perform(effect);
    const wakeMs = this.download.nextWake();
    assert.ok(wakeMs > world.nowMs, `woken for ${wakeMs} at ${world.nowMs} after ${event.type}`);
    assert.ok(this.download.inFlightCount <= downloadTuning.maxInFlight);
    assert.equal(this.download.heldCount, this.held.count);
  }

  #meet(id: HostId): void {
    this.hear({ type: "introduced", id, seed: id === seedId });
    const other = this.#world.peers.find((peer) => peer.id === id);
    this.#world.after(this.#world.random.integer(10), () => {
      if (other?.alive === false) return this.hear({ type: "gone", id });
      this.hear({ type: "bitmap", id, held: other?.held.copy() ?? new Bitset() });
    });
  }

  #perform(effect: DownloadEffect): void {
    if (effect.type === "request") {
      assert.ok(this.#known.has(effect.piece), "an unknown piece");
      assert.ok(!this.held.has(effect.piece), "a held piece");
      this.#ask(effect.to, effect.piece);
    } else if (effect.type === "request-any") {
      assert.ok(effect.wanted.count > 0);
      for (const piece of effect.wanted) assert.ok(this.#known.has(piece) && !this.held.has(piece));
      this.#askAny(effect.wanted.copy());
    } else if (effect.type === "cancel") {
      const asked = this.#asked.get(`${effect.to} ${effect.piece}`);
      if (asked !== undefined) asked.cancelled = true;
    } else if (effect.type === "complete") {
      assert.equal(this.held.count, this.#world.pieces);
    } else if (effect.type === "more-neighbours") {
      const strangers = this.#world.peers.filter((peer) => peer !== this && peer.alive);
      const one = strangers[this.#world.random.integer(Math.max(1, strangers.length))];
      if (one !== undefined) this.#meet(one.id);
    }
  }

  #askAny(wanted: Bitset): void {
    const world = this.#world;
    const pieces = [...wanted];
    const piece = pieces[world.random.integer(pieces.length)] ?? 0;
    world.after(2, () => {
      if (world.chance(world.faults.busy))
        return this.hear({ type: "busy", id: seedId, piece: undefined, retryAfterMs: 20 });
      const asked = this.#remember(seedId, piece);
      this.hear({ type: "granted", id: seedId, piece });
      this.#answer(seedId, piece, asked, 0);
    });
  }

  #ask(to: HostId, piece: number): void {
    const world = this.#world;
    const asked = this.#remember(to, piece);
    const other = world.peers.find((peer) => peer.id === to);
    if (other !== undefined && !other.held.has(piece)) {
      world.after(2, () => this.hear({ type: "not-held", id: to, piece }));
    } else if (world.chance(world.faults.busy)) {
      world.after(2, () => this.hear({ type: "busy", id: to, piece, retryAfterMs: world.random.integer(40) }));
    } else if (to === seedId || !world.chance(world.faults.silent)) {
      this.#answer(to, piece, asked, to === seedId ? 0 : world.faults.corrupt);
    }
  }

  #remember(to: HostId, piece: number): { cancelled: boolean } {
    const asked = { cancelled: false };
    this.#asked.set(`${to} ${piece}`, asked);
    return asked;
  }

  #answer(to: HostId, piece: number, asked: { cancelled: boolean }, corrupt: number): void {
    const world = this.#world;
    world.after(5 + world.random.integer(50), () => {
      const other = world.peers.find((peer) => peer.id === to);
      if (!this.alive || asked.cancelled || other?.alive === false || this.held.has(piece)) return;
      if (world.chance(corrupt)) return this.hear({ type: "corrupt", id: to, piece });
      this.held.add(piece);
      this.hear({ type: "verified", id: to, piece });
      for (const listener of world.peers) {
        world.after(world.random.integer(6), () => listener.hear({ type: "have", id: this.id, pieces: [piece] }));
      }
    });
  }
}

const share = fc.double({ min: 0, max: 0.4, noNaN: true });
const shape = fc.record({
  peers: fc.integer({ min: 1, max: 7 }),
  pieces: fc.integer({ min: 1, max: 30 }),
  faults: fc.record({
    busy: share,
    corrupt: fc.constantFrom(0, 0, 0.1),
    silent: fc.constantFrom(0, 0, 0.2),
    die: share,
  }),
});

test("while the seed lives everyone who lives completes, whatever else fails, and no step breaks a rule", () => {
  fc.assert(
    fc.property(fc.integer(), shape, (seed, chosen) => {
      const world = new World(seed, chosen);
      world.run();
      for (const peer of world.peers) assert.ok(!peer.alive || peer.download.state === "complete");
    }),
    { numRuns: 60 },
  );
});

test("without faults nobody waits long: a lone download takes no longer than its requests do", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 30 }), (seed, pieces) => {
      const world = new World(seed, { peers: 1, pieces, faults: { busy: 0, corrupt: 0, silent: 0, die: 0 } });
      world.run();
      assert.ok(world.nowMs < 1000 + pieces * 60, `${world.nowMs} ms for ${pieces} pieces`);
    }),
    { numRuns: 30 },
  );
});
