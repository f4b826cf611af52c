// What the disk store promises beyond the contract while it runs: its files, its lock, its errors. What survives it is in
// disk-recovery.test.ts.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  access,
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { DragonflyError } from "../core/error.ts";
import { contentOf, fill, storeContract, versionOf, withCode, writePiece } from "../testing/store-contract.ts";
import { DiskStore } from "./disk-store.ts";

const run = promisify(execFile);
const megabyte = 1024 * 1024;

async function temporaryDirectory(t?: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-store-"));
  t?.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

storeContract("disk store", async (setup) => {
  const dataDir = await temporaryDirectory();
  const store = await DiskStore.open({ dataDir, ...setup });
  return {
    store,
    close: async () => {
      await store.close();
      assert.deepEqual((await readdir(dataDir)).sort(), ["trash", "versions"]);
      assert.deepEqual(await readdir(join(dataDir, "trash")), []);
      await rm(dataDir, { recursive: true });
    },
  };
});

test("the file of a complete version is its content and nothing else", async (t) => {
  const store = await DiskStore.open({ dataDir: await temporaryDirectory(t), quotaBytes: 0 });
  const holding = await fill(store, "a", 2500);
  assert.deepEqual(await readFile(holding.file), contentOf(holding.version, 2500));
  assert.equal((await stat(holding.file)).mode & 0o777, 0o600);
  await store.close();
});

test("a removed version leaves no file", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const holding = await fill(store, "a", 2500);
  await store.remove(holding.version.id);
  await assert.rejects(access(holding.file));
  assert.deepEqual(await readdir(join(dataDir, "versions")), []);
  await store.close();
});

test("a second store in the same directory is refused by one line that names both", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const refused = await DiskStore.open({ dataDir, quotaBytes: 0 }).catch((error: unknown) => error);
  assert.ok(refused instanceof DragonflyError && refused.code === "address-in-use");
  assert.match(refused.message, new RegExp(`^.*${dataDir} is in use by process ${process.pid}: .*$`));
  await store.close();
  await (await DiskStore.open({ dataDir, quotaBytes: 0 })).close();
});

test("the lock of a dead process, or one that makes no sense, is taken over", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const dead = run(process.execPath, ["--version"]);
  const { pid } = dead.child;
  await dead;
  const locks = [
    JSON.stringify({ pid, boot: "00000000-0000-0000-0000-000000000000", startedTicks: "1" }),
    // The id came back with another process behind it, as it does in containers.
    JSON.stringify({ pid: process.pid, boot: "00000000-0000-0000-0000-000000000000", startedTicks: "1" }),
    "",
    "1234",
  ];
  for (const lock of locks) {
    await writeFile(join(dataDir, "lock"), lock);
    const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
    assert.equal(JSON.parse(await readFile(join(dataDir, "lock"), "utf8")).pid, process.pid);
    await store.close();
  }
});

test("of many that find a dead lock at once, one gets the directory", async (t) => {
  const dataDir = await temporaryDirectory(t);
  await writeFile(join(dataDir, "lock"), "");
  const opened = await Promise.allSettled(Array.from({ length: 8 }, () => DiskStore.open({ dataDir, quotaBytes: 0 })));
  const stores = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  assert.equal(stores.length, 1);
  for (const result of opened) if (result.status === "rejected") assert.ok(withCode("address-in-use")(result.reason));
  await stores[0]?.close();
});

test("a directory that cannot be used is refused with its path and what to do", async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, "file");
  await writeFile(file, "");
  for (const dataDir of [file, join(file, "below")]) {
    const refused = await DiskStore.open({ dataDir, quotaBytes: 0 }).catch((error: unknown) => error);
    assert.ok(refused instanceof DragonflyError && refused.code === "not-writable");
    assert.match(refused.message, /file.*: .*choose another --data-dir/);
  }
});

test("a directory without permission is refused", { skip: process.getuid?.() === 0 }, async (t) => {
  const dataDir = join(await temporaryDirectory(t), "data");
  await mkdir(dataDir, { mode: 0o500 });
  await assert.rejects(DiskStore.open({ dataDir, quotaBytes: 0 }), withCode("not-writable"));
  await chmod(dataDir, 0o700);
});

test("the free space of the disk, less a reserve, bounds what is accepted", async (t) => {
  const space = { freeBytes: 10_000_000, sizeBytes: 500_000_000 };
  const measure = async () => space;
  const dataDir = await temporaryDirectory(t);
  const clock = { nowMs: 1_700_000_000_000 };
  const store = await DiskStore.open({ dataDir, quotaBytes: 0, measure, now: () => clock.nowMs });
  const old = await fill(store, "a", 4000);
  clock.nowMs += 10_000;
  await assert.rejects(store.create(versionOf("b", 5_010_000)), withCode("no-space"));
  assert.equal(store.find(old.version.id), old);
  await store.create(versionOf("c", 5_003_000));
  assert.equal(store.find(old.version.id), undefined);
  await assert.rejects(store.create(versionOf("d", 1000)), withCode("no-space"));
  await store.close();
});

test("an unknown length is checked against the disk as it grows", async (t) => {
  const space = { freeBytes: 10 * megabyte, sizeBytes: 10 * megabyte };
  const store = await DiskStore.open({
    dataDir: await temporaryDirectory(t),
    quotaBytes: 0,
    measure: async () => space,
  });
  const version = { ...versionOf("a", null), pieceLength: 4 * megabyte };
  const holding = await store.create(version);
  const content = contentOf(version, 12 * megabyte);
  await writePiece(holding, content, 0);
  await writePiece(holding, content, 1);
  space.freeBytes = 2 * megabyte;
  await assert.rejects(writePiece(holding, content, 2), withCode("no-space"));
  assert.equal(store.usedBytes, 8 * megabyte);
  await store.close();
});

test("a data directory that vanished gives an error that says so, and is no longer offered", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const first = await DiskStore.open({ dataDir, quotaBytes: 0 });
  await fill(first, "a", 2500);
  await first.close();
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const [holding] = store.all();
  assert.ok(holding !== undefined);
  await rm(dataDir, { recursive: true });
  const evicted = new Promise((resolve) => store.onEvicted(resolve));
  await assert.rejects(holding.read(0, Buffer.alloc(1000)), withCode("not-writable"));
  assert.equal(await evicted, holding.version.id);
  assert.equal(store.usedBytes, 0);
  const refused = await store.create(versionOf("b", 1000)).catch((error: unknown) => error);
  assert.ok(refused instanceof DragonflyError && refused.code === "not-writable");
  assert.match(refused.message, new RegExp(dataDir));
  await store.close();
});

test("a version whose directory vanished while it was written cannot be finished", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const version = versionOf("a", 1000);
  const holding = await store.create(version);
  await rm(holding.directory, { recursive: true });
  await assert.rejects(
    writePiece(holding, contentOf(version, 1000), 0).then(() => holding.finish(1000, undefined)),
    withCode("not-writable"),
  );
  await store.close();
});

test("a complete file that somebody wrote to, through a second name too, is not used any more", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const holding = await fill(store, "a", 2500);
  assert.equal(await holding.intact(), true);
  const second = join(dataDir, "second");
  await link(holding.file, second);
  await chmod(second, 0o644);
  assert.equal(await holding.intact(), true);
  await appendFile(second, "more");
  const evicted = new Promise((resolve) => store.onEvicted(resolve));
  assert.equal(await holding.intact(), false);
  assert.equal(await evicted, holding.version.id);
  await store.close();
});

test("of a file that somebody altered the pieces that are right are kept, and the rest is written anew", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const store = await DiskStore.open({ dataDir, quotaBytes: 0 });
  const holding = await fill(store, "a", 2500);
  const { version } = holding;
  const left = new Promise<unknown>((resolve) =>
    store.onEvicted((id, rest) => resolve(rest.then((one) => [id, one?.held.count]))),
  );
  const file = await open(holding.file, "r+");
  await file.write("x", 1500);
  await file.close();
  assert.equal(await holding.intact(), false);
  assert.deepEqual(await left, [version.id, 2]);
  await store.salvage(holding);
  const rest = store.find(version.id) as typeof holding;
  assert.notEqual(rest, holding);
  assert.deepEqual([rest.state, [...rest.held], store.usedBytes], ["partial", [0, 2], 1500]);
  await writePiece(rest, contentOf(version, 2500), 1);
  await rest.finish(2500, undefined);
  assert.deepEqual(await readFile(rest.file), Buffer.from(contentOf(version, 2500)));
  await store.close();
});

test("a file that somebody shortened is an error, never wrong bytes", async (t) => {
  const store = await DiskStore.open({ dataDir: await temporaryDirectory(t), quotaBytes: 0 });
  const holding = await fill(store, "a", 2500);
  await writeFile(holding.file, "short");
  const evicted = new Promise((resolve) => store.onEvicted(resolve));
  await assert.rejects(holding.read(0, Buffer.alloc(1000)), withCode("not-writable"));
  assert.equal(await evicted, holding.version.id);
  await store.close();
});

test("a store's open files are bounded, however many versions it has", async (t) => {
  const store = await DiskStore.open({ dataDir: await temporaryDirectory(t), quotaBytes: 0 });
  const holdings = [];
  for (let i = 0; i < 300; i++) {
    const version = versionOf(`v${i}`, 1000);
    const holding = await store.create(version);
    await writePiece(holding, contentOf(version, 1000), 0);
    holdings.push(holding);
  }
  assert.equal(store.files.idle, 256);
  const into = Buffer.alloc(1000);
  for (const holding of holdings.slice(0, 3)) {
    await holding.read(0, into);
    assert.deepEqual(into, contentOf(holding.version, 1000));
  }
  await store.close();
  assert.equal(store.files.idle, 0);
});

test("more writers than places wait their turn and all are kept", async (t) => {
  const store = await DiskStore.open({ dataDir: await temporaryDirectory(t), quotaBytes: 0 });
  const version = versionOf("a", 200_000);
  const holding = await store.create(version);
  const content = contentOf(version, 200_000);
  await Promise.all(Array.from({ length: 200 }, (_, index) => writePiece(holding, content, index)));
  await holding.finish(200_000, undefined);
  assert.deepEqual(await readFile(holding.file), content);
  await store.close();
});
