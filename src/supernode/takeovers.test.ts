// A supernode that hears of a version from hosts which have some of it: what it takes over, whom it believes, and what it reads itself.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Bitset } from "../core/bitset.ts";
import { choosePieceLength, countPieces } from "../core/version.ts";
import { parseSupernodeOptions } from "../runtime/config.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import type { FromDaemonOf } from "../wire/control.ts";
import { Manifest, type PieceRun } from "../wire/manifest.ts";
import { taskKey, versionIdOf } from "../wire/task-key.ts";
import { Supernode } from "./supernode.ts";

const content = testContent(1_000_000, 5);
const pieceLength = choosePieceLength(content.length);
const count = countPieces(content.length, pieceLength);
const other = generateKeyPairSync("ed25519");
const otherKey = other.publicKey.export({ type: "spki", format: "der" }).toString("base64");

async function stage(t: TestContext, served = content) {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-takeover-"));
  const origin = await TestOrigin.start({ content: served, etag: '"v1"' });
  const supernode = await Supernode.start(parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir }));
  t.after(async () => {
    await supernode.close();
    await origin.close();
    await rm(dataDir, { recursive: true });
  });
  const url = origin.url("/file");
  const version = versionIdOf(taskKey({ url, headers: {} }).id, content.length, '"v1"');
  return {
    origin,
    supernode,
    url,
    version,
    hosts: await Promise.all([..."123"].map((name) => ScriptedDaemon.join(supernode.url, name))),
  };
}

/** The first pieces as the other supernode signed them, with a byte of the content as it is given here. */
function signed(version: Manifest["version"], pieces: number, bytes = content): FromDaemonOf<"recalled">["signed"] {
  const manifest = new Manifest(version, pieceLength);
  const all = new Bitset();
  for (let piece = 0; piece < pieces; piece++) {
    const part = bytes.subarray(piece * pieceLength, (piece + 1) * pieceLength);
    manifest.set(piece, createHash("sha256").update(part).digest());
    all.add(piece);
  }
  return [{ key: otherKey, part: { batch: manifest.signBatch(all, other.privateKey) } }];
}

/** Registers for the version in the middle, and answers the question for it. */
async function takePart(
  daemon: ScriptedDaemon,
  { url, version }: { readonly url: string; readonly version: Manifest["version"] },
  has: { readonly held: PieceRun[]; readonly signed: FromDaemonOf<"recalled">["signed"] },
): Promise<void> {
  daemon.send({ type: "register", request: 1, version, url, headers: {} });
  await daemon.hears("recall");
  daemon.send({ type: "recalled", version, pieceLength, ...has });
}

const sealed = (daemon: ScriptedDaemon) => daemon.hears("manifest", ({ manifest }) => manifest.seal !== undefined);
const lengthOf = (pieces: number): number => Math.min(content.length, pieces * pieceLength);

test("what hosts hold under digests that a known supernode signed is not read from the origin", async (t) => {
  const { origin, hosts, ...task } = await stage(t);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [one, two, three] = hosts as [ScriptedDaemon, ScriptedDaemon, ScriptedDaemon];
  await Promise.all([
    takePart(one, task, { held: [[0, 6]], signed: signed(task.version, 9) }),
    takePart(two, task, { held: [[4, 8]], signed: [] }),
    takePart(three, task, { held: [], signed: [] }),
  ]);
  await sealed(three);
  const known = new Bitset();
  for (const message of three.heard) {
    if (message.type === "manifest")
      for (const [from, to] of message.manifest.batch?.runs ?? []) known.addRange(from, to);
  }
  assert.equal(known.count, count);
  // Piece 8 is signed and nowhere; one byte told the version.
  assert.equal(origin.sentBytes, content.length - lengthOf(8) + 1);
});

test("where another supernode would take over, the first question brings no more than is read ahead", async (t) => {
  const { origin, url, hosts } = await stage(t);
  const [one, two] = hosts as [ScriptedDaemon, ScriptedDaemon];
  one.register(1, url);
  await sealed(one);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  two.register(1, `${url}?other`);
  await two.hears("task");
  const first = origin.requests.filter(({ headers }) => headers.range?.startsWith("bytes=0-"));
  assert.deepEqual(
    first.map(({ headers }) => headers.range),
    ["bytes=0-4194303", "bytes=0-393215"],
  );
});

test("what hosts fetch elsewhere by now is read no further, and after a while not waited for", async (t) => {
  const large = testContent(12_000_000, 5);
  const { origin, supernode, url, hosts } = await stage(t, large);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [one, two] = hosts as [ScriptedDaemon, ScriptedDaemon];
  for (const host of [one, two]) host.register(1, url);
  const { version } = await two.hears("task");
  for (const host of [one, two]) host.send({ type: "leave", version, moved: true });
  const listed = async (): Promise<number> => {
    const response = await fetch(`${supernode.url}/api/v1/tasks`);
    return ((await response.json()) as { tasks: unknown[] }).tasks.length;
  };
  while ((await listed()) > 0) await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(origin.sentBytes < large.length, `${origin.sentBytes} bytes`);
  assert.ok(![...one.heard, ...two.heard].some(({ type }) => type === "drop"), "they are neighbours still");
});

test("what a host holds unsigned is read, and not held back for want of takers", { timeout: 30_000 }, async (t) => {
  const large = testContent(30_000_000, 5);
  const { origin, url, hosts } = await stage(t, large);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [one] = hosts as [ScriptedDaemon];
  const pieceLength = choosePieceLength(large.length);
  const version = versionIdOf(taskKey({ url, headers: {} }).id, large.length, '"v1"');
  one.send({ type: "holdings", holdings: [{ task: taskKey({ url, headers: {} }).id, version, complete: false }] });
  one.send({ type: "register", request: 1, version, url, headers: {} });
  await one.hears("recall");
  const held: PieceRun[] = [[0, countPieces(large.length, pieceLength)]];
  one.send({ type: "recalled", version, pieceLength, held, signed: [] });
  // Piece by piece, as for hosts that take nothing, it would be minutes.
  await sealed(one);
  assert.ok(origin.sentBytes >= large.length);
});

test("a key that only one host has met counts for nothing: all is read", async (t) => {
  const { origin, hosts, ...task } = await stage(t);
  const [one] = hosts as [ScriptedDaemon];
  one.send({ type: "keys", keys: [otherKey] });
  const lies = testContent(content.length, 6);
  await takePart(one, task, { held: [[0, count]], signed: signed(task.version, count, lies) });
  await sealed(one);
  assert.equal(origin.sentBytes, content.length + 1);
});

test("a signature that does not fit is passed over, and its bringer has a strike", async (t) => {
  const { origin, hosts, supernode, ...task } = await stage(t);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [one] = hosts as [ScriptedDaemon];
  const [part] = signed(task.version, count);
  const digests = Buffer.alloc(count * 32).toString("base64");
  const forged = { key: otherKey, part: { batch: { ...part?.part.batch, digests } } } as typeof part;
  await takePart(one, task, { held: [[0, count]], signed: forged === undefined ? [] : [forged] });
  await sealed(one);
  assert.equal(origin.sentBytes, content.length + 1);
  const response = await fetch(`${supernode.url}/api/v1/hosts`);
  const { hosts: known } = (await response.json()) as { hosts: { id: string; strikes: { reason: string }[] }[] };
  const struck = known.flatMap(({ id, strikes }) => strikes.map(({ reason }) => [id, reason]));
  assert.deepEqual(struck, [[one.host, "corrupt"]]);
});

test("an end that was altered is refused too, and one of another content is no fault", async (t) => {
  const { hosts, supernode, ...task } = await stage(t);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [one, two] = hosts as [ScriptedDaemon, ScriptedDaemon, ScriptedDaemon];
  const whole = new Manifest(task.version, pieceLength);
  whole.close(content.length - 1, null);
  const seal = whole.signSeal(other.privateKey);
  assert.ok(seal !== undefined);
  const altered = { ...seal, length: content.length };
  await Promise.all([
    takePart(one, task, { held: [], signed: [{ key: otherKey, part: { seal } }] }),
    takePart(two, task, { held: [], signed: [{ key: otherKey, part: { seal: altered } }] }),
  ]);
  await sealed(one);
  const response = await fetch(`${supernode.url}/api/v1/hosts`);
  const { hosts: known } = (await response.json()) as { hosts: { id: string; strikes: object[] }[] };
  assert.deepEqual(
    known.filter(({ strikes }) => strikes.length > 0).map(({ id }) => id),
    [two.host],
  );
});

test("pieces that a host said it holds and nobody finds are read when somebody starves for them", async (t) => {
  const { origin, hosts, supernode, ...task } = await stage(t);
  for (const host of hosts) host.send({ type: "keys", keys: [otherKey] });
  const [liar, hungry] = hosts as [ScriptedDaemon, ScriptedDaemon];
  await takePart(liar, task, { held: [[0, count]], signed: signed(task.version, count) });
  await sealed(liar);
  assert.equal(origin.sentBytes, 1);
  hungry.register(1, task.url);
  await hungry.hears("task");
  hungry.send({ type: "starving", version: task.version, pieces: [[2, 4]] });
  await sealed(hungry);
  const response = await fetch(`${supernode.url}/api/v1/tasks/${task.version}`);
  assert.equal(((await response.json()) as { heldPieces: number }).heldPieces, 2);
  assert.equal(origin.sentBytes, 2 * pieceLength + 1);
});

test("a host that leaves instead of answering is not waited for", async (t) => {
  const { origin, hosts, ...task } = await stage(t);
  const [one, two] = hosts as [ScriptedDaemon, ScriptedDaemon];
  one.send({ type: "register", request: 1, version: task.version, url: task.url, headers: {} });
  await one.hears("recall");
  one.leave();
  two.register(1, task.url);
  const { manifest } = await two.hears("task");
  if (manifest.seal === undefined) await sealed(two);
  assert.equal(origin.sentBytes, content.length + 1);
});
