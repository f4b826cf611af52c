// What a disk store finds again after its process, or the machine, went away at any moment.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { contentOf, fill, pieceOf, sha256, versionOf, writePiece } from "../testing/store-contract.ts";
import { DiskStore } from "./disk-store.ts";
import { headerBytes, recordBytes } from "./journal-format.ts";
import type { Holding } from "./store.ts";

const crashVersion = { ...versionOf("crash", 2000 * 4096), pieceLength: 4096 };

if (process.argv[2] === "write-until-killed") await writeUntilKilled(process.argv[3] ?? "");

async function writeUntilKilled(dataDir: string): Promise<void> {
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const holding = await store.create(crashVersion);
  const content = contentOf(crashVersion, crashVersion.length ?? 0);
  for (let index = 0; index < 1000; index++) {
    await Promise.all([index, 1999 - index].map((piece) => writePiece(holding, content, piece)));
    if (index % 20 === 0) process.stdout.write(`${holding.held.count}\n`);
  }
  await new Promise(() => setInterval(() => {}, 1000));
}

function startWriter(dataDir: string) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "write-until-killed", dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => {
    child.kill("SIGKILL");
    return exited;
  };
  return { reports: createInterface({ input: child.stdout }), kill };
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-recovery-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const bootA = "aaaaaaaa-0000-0000-0000-000000000000";
const bootB = "bbbbbbbb-0000-0000-0000-000000000000";
const openIn = (dataDir: string, boot = bootA) => DiskStore.open({ dataDir, quotaBytes: 0, boot });

/** What would be on the disk had the process died now. */
async function crash(t: TestContext, dataDir: string): Promise<string> {
  const copy = await temporaryDirectory(t);
  await cp(dataDir, copy, { recursive: true });
  await rm(join(copy, "lock"), { force: true });
  return copy;
}

/** A closed store with pieces 0 and 2 of four, and the paths of its files. */
async function partial(t: TestContext) {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const version = versionOf("a", 3500);
  const content = contentOf(version, 3500);
  const holding = await store.create(version);
  for (const index of [0, 2]) await writePiece(holding, content, index);
  await store.close();
  const at = (name: string) => join(holding.directory, name);
  return { dataDir, version, content, pieces: at("pieces"), journal: at("journal"), record: at("version.json") };
}

function only<H extends Holding>(store: { all(): Iterable<H> }): H {
  const [holding, ...others] = store.all();
  assert.ok(holding !== undefined && others.length === 0);
  return holding;
}

async function assertRight(holding: Holding, content: Uint8Array): Promise<void> {
  const into = Buffer.alloc(holding.version.pieceLength);
  for (const index of holding.held) {
    const length = await holding.read(index, into);
    const piece = pieceOf(holding.version, content, index);
    assert.ok(into.subarray(0, length).equals(piece), `piece ${index}`);
    assert.deepEqual(holding.pieceDigest(index), new Uint8Array(sha256(piece)));
  }
}

test("pieces, their digests and the record survive a restart, and more are added", async (t) => {
  const { dataDir, version, content } = await partial(t);
  const store = await openIn(dataDir);
  const holding = only(store);
  assert.deepEqual(holding.version, version);
  assert.deepEqual([...holding.held], [0, 2]);
  assert.equal(store.usedBytes, 2000);
  await writePiece(holding, content, 3);
  await store.close();
  const again = await openIn(dataDir);
  assert.deepEqual([...only(again).held], [0, 2, 3]);
  assert.equal(again.usedBytes, 2500);
  await assertRight(only(again), content);
  await again.close();
});

test("a complete version survives a restart with its digest", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const { digest, version } = await fill(store, "a", 3500);
  await store.close();
  const again = await openIn(dataDir);
  const holding = only(again);
  assert.deepEqual([holding.state, holding.digest, holding.held.count], ["complete", digest, 4]);
  await assertRight(holding, contentOf(version, 3500));
  assert.equal(again.find(version.id), again.latest(version.taskId));
  await again.close();
});

test("an unknown length survives a restart, its last piece as short as it was", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const version = versionOf("a", null);
  const content = contentOf(version, 2300);
  const holding = await store.create(version);
  for (const index of [0, 1, 2]) await writePiece(holding, content, index);
  await store.close();
  const again = await openIn(dataDir, bootB);
  assert.equal(again.usedBytes, 2300);
  await assertRight(only(again), content);
  await only(again).finish(2300, undefined);
  await again.close();
  const last = await openIn(dataDir);
  assert.equal(only(last).state, "complete");
  await last.close();
});

test("the time of last use survives a restart", async (t) => {
  const dataDir = await temporaryDirectory(t);
  let nowMs = 1_700_000_000_000;
  const now = () => nowMs;
  const store = await DiskStore.open({ dataDir, quotaBytes: 0, now });
  const a = await fill(store, "a", 1000);
  await fill(store, "b", 1000);
  nowMs += 5000;
  a.acquire()();
  await store.close();
  nowMs += 5000;
  const again = await DiskStore.open({ dataDir, quotaBytes: 0, now });
  assert.deepEqual(
    [versionOf("a", 1000), versionOf("b", 1000)].map(({ id }) => again.find(id)?.usedAtMs),
    [1_700_000_005_000, 1_700_000_000_000],
  );
  await again.close();
});

test("after another boot a piece counts only if its bytes prove it", async (t) => {
  const { dataDir, content, pieces } = await partial(t);
  const bytes = await readFile(pieces);
  bytes[2100] = (bytes[2100] ?? 0) ^ 1;
  await writeFile(pieces, bytes);
  const store = await openIn(dataDir, bootB);
  assert.deepEqual([...only(store).held], [0]);
  await writePiece(only(store), content, 2);
  await store.close();
  const again = await openIn(dataDir, bootB);
  assert.deepEqual([...only(again).held], [0, 2]);
  await assertRight(only(again), content);
  await again.close();
});

test("pieces that were written after their claims count only if their bytes prove it", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const version = versionOf("spoiled", 3 * 4096);
  const content = contentOf(version, 3 * 4096);
  const store = await openIn(dataDir);
  const holding = await store.create({ ...version, pieceLength: 4096 });
  for (const index of [0, 2]) await writePiece(holding, content, index);
  await store.close();
  const pieces = join(dataDir, "versions", version.id, "pieces");
  const file = await open(pieces, "r+");
  await file.write(Buffer.from([(content[10] ?? 0) ^ 1]), 0, 1, 10);
  await file.utimes(new Date(), new Date(Date.now() + 1000));
  await file.close();
  const again = await openIn(dataDir);
  t.after(() => again.close());
  assert.deepEqual([...(again.find(version.id)?.held ?? [])], [2]);
});

test("a complete version that was not synced before the machine died is proved piece by piece", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const holding = await fill(store, "a", 3500);
  await store.close();
  const record = join(holding.directory, "version.json");
  const { boot: _, ...durable } = JSON.parse(await readFile(record, "utf8"));
  await writeFile(record, JSON.stringify({ ...durable, boot: bootA }));
  const proved = await openIn(await crash(t, dataDir), bootB);
  assert.deepEqual([only(proved).state, only(proved).digest], ["complete", holding.digest]);
  await proved.close();
  const bytes = await readFile(holding.file);
  await writeFile(holding.file, bytes.fill(0, 1000, 2000));
  const lossy = await openIn(dataDir, bootB);
  assert.deepEqual([only(lossy).state, only(lossy).digest, [...only(lossy).held]], ["partial", undefined, [0, 2, 3]]);
  await writePiece(only(lossy), contentOf(holding.version, 3500), 1);
  await only(lossy).finish(3500, holding.digest);
  await lossy.close();
  const again = await openIn(dataDir, bootB);
  assert.equal(only(again).state, "complete");
  await again.close();
});

test("a complete version is known to be on the disk before long", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const holding = await fill(store, "a", 3500);
  const record = join(holding.directory, "version.json");
  while (JSON.parse(await readFile(record, "utf8")).boot !== undefined)
    await new Promise((resolve) => setImmediate(resolve));
  await store.close();
  const again = await openIn(dataDir, bootB);
  assert.equal(only(again).state, "complete");
  await again.close();
});

test("a torn end of the journal costs one piece, and the journal goes on", async (t) => {
  const { dataDir, content, journal } = await partial(t);
  await truncate(journal, (await stat(journal)).size - 7);
  const store = await openIn(dataDir);
  assert.deepEqual([...only(store).held], [0]);
  await writePiece(only(store), content, 3);
  await store.close();
  const again = await openIn(dataDir);
  assert.deepEqual([...only(again).held], [0, 3]);
  await again.close();
});

test("garbage at the end of the journal, zeros too, claims nothing", async (t) => {
  for (const garbage of [Buffer.alloc(100), Buffer.alloc(97, 0xa5)]) {
    const { dataDir, content, journal } = await partial(t);
    await appendFile(journal, garbage);
    const store = await openIn(dataDir);
    assert.deepEqual([...only(store).held], [0, 2]);
    await writePiece(only(store), content, 1);
    await store.close();
    const again = await openIn(dataDir);
    assert.deepEqual([...only(again).held], [0, 1, 2]);
    await assertRight(only(again), content);
    await again.close();
  }
});

test("a damaged record costs its piece alone", async (t) => {
  const { dataDir, content, journal } = await partial(t);
  const bytes = await readFile(journal);
  bytes[headerBytes + 10] = (bytes[headerBytes + 10] ?? 0) ^ 1;
  await writeFile(journal, bytes);
  const store = await openIn(dataDir);
  assert.deepEqual([...only(store).held], [2]);
  await assertRight(only(store), content);
  await store.close();
});

test("a damaged header costs a proof, not the pieces; without a journal nothing is held", async (t) => {
  const { dataDir, content, journal } = await partial(t);
  const bytes = await readFile(journal);
  await writeFile(journal, bytes.fill(7, 20, 30));
  const store = await openIn(dataDir);
  assert.deepEqual([...only(store).held], [0, 2]);
  await assertRight(only(store), content);
  await store.close();
  await rm(journal);
  const empty = await openIn(dataDir);
  assert.equal(only(empty).held.count, 0);
  assert.equal(empty.usedBytes, 0);
  await writePiece(only(empty), content, 1);
  await empty.close();
  const again = await openIn(dataDir);
  assert.deepEqual([...only(again).held], [1]);
  await again.close();
});

test("a complete version with a damaged record tells the digest of the piece itself", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await openIn(dataDir);
  const holding = await fill(store, "a", 3500);
  await store.close();
  const journal = join(holding.directory, "journal");
  const bytes = await readFile(journal);
  await writeFile(journal, bytes.fill(1, headerBytes + recordBytes, headerBytes + 2 * recordBytes));
  const again = await openIn(dataDir);
  await assertRight(only(again), contentOf(holding.version, 3500));
  await again.close();
});

test("a shortened file holds what is left of it", async (t) => {
  const { dataDir, content, pieces } = await partial(t);
  await truncate(pieces, 1500);
  const store = await openIn(dataDir);
  assert.deepEqual([...only(store).held], [0]);
  await store.close();
  const complete = await temporaryDirectory(t);
  const full = await openIn(complete);
  const holding = await fill(full, "a", 3500);
  await full.close();
  await truncate(holding.file, 1500);
  const again = await openIn(complete);
  assert.deepEqual([only(again).state, [...only(again).held]], ["partial", [0]]);
  await assertRight(only(again), content);
  await again.close();
});

test("what does not say what it is goes away, what is foreign stays", async (t) => {
  const { dataDir, record } = await partial(t);
  const versions = join(dataDir, "versions");
  for (const text of [
    "",
    "{",
    '{"format":2}',
    JSON.stringify({ ...JSON.parse(await readFile(record, "utf8")), state: "odd" }),
  ]) {
    await writeFile(record, text);
    const store = await openIn(await crash(t, dataDir));
    assert.deepEqual([...store.all()], []);
    await store.close();
  }
  await rm(record);
  await mkdir(join(versions, "lost+found"));
  await writeFile(join(versions, "notes.txt"), "mine");
  await mkdir(join(dataDir, "trash", "7"));
  const store = await openIn(dataDir);
  assert.deepEqual([...store.all()], []);
  assert.deepEqual((await readdir(versions)).sort(), ["lost+found", "notes.txt"]);
  assert.deepEqual(await readdir(join(dataDir, "trash")), []);
  await store.close();
});

test("pieces that were written and not claimed take room all the same, and none twice when they come again", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const version = { ...versionOf("a", 4 * 65_536), pieceLength: 65_536 };
  const content = contentOf(version, 4 * 65_536);
  const store = await openIn(dataDir);
  const holding = await store.create(version);
  for (const piece of [0, 1, 2]) await writePiece(holding, content, piece);
  await store.close();
  await truncate(join(dataDir, "versions", version.id, "journal"), headerBytes + recordBytes);

  const again = await openIn(dataDir);
  t.after(() => again.close());
  const found = again.find(version.id);
  assert.ok(found);
  assert.equal(found.held.count, 1);
  const { usedBytes } = again;
  assert.ok(Math.abs(usedBytes - 3 * 65_536) <= 4096, `${usedBytes} bytes`);
  for (const piece of [1, 2]) await writePiece(found, content, piece);
  assert.ok(again.usedBytes - usedBytes <= 4096, `${again.usedBytes} bytes`);
});

test("a process killed at any moment leaves only right pieces", async (t) => {
  const content = contentOf(crashVersion, crashVersion.length ?? 0);
  for (const afterReports of [1, 7, 31]) {
    const dataDir = await temporaryDirectory(t);
    const writer = startWriter(dataDir);
    let reports = 0;
    for await (const _ of writer.reports) if (++reports === afterReports) break;
    await writer.kill();
    const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
    await assertRight(only(store), content);
    await store.close();
    const proved = await openIn(dataDir, bootB);
    await assertRight(only(proved), content);
    await proved.close();
  }
});

test("a process killed once the journal is written loses nothing", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const writer = startWriter(dataDir);
  const journal = join(dataDir, "versions", crashVersion.id, "journal");
  const size = () =>
    stat(journal).then(
      (found) => found.size,
      () => 0,
    );
  while ((await size()) < headerBytes + 2000 * recordBytes) await new Promise((resolve) => setTimeout(resolve, 10));
  await writer.kill();
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  assert.equal(only(store).held.count, 2000);
  await only(store).finish(crashVersion.length ?? 0, undefined);
  await store.close();
});
