// A disk that is really full: a small file system in memory, in a mount namespace that ends with the child process.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DragonflyError } from "../core/error.ts";
import { contentOf, fill, versionOf, writePiece } from "../testing/store-contract.ts";
import { DiskStore } from "./disk-store.ts";

const run = promisify(execFile);
const mebibyte = 1024 * 1024;
const namespace = ["--user", "--map-root-user", "--mount"];

if (process.argv[2] === "fill-disk") {
  await fillDisk(process.argv[3] ?? "");
  process.exit();
}

async function fillDisk(dataDir: string): Promise<void> {
  let nowMs = 1_700_000_000_000;
  const measure = async () => ({ freeBytes: 1e12, sizeBytes: 1e12 });
  const store = await DiskStore.open({ dataDir, quotaBytes: 0, measure, now: () => nowMs });
  const old = await fill(store, "old", 2 * mebibyte);
  nowMs += 10_000;
  const young = await fill(store, "young", 3 * mebibyte);
  const oldIsGone = store.find(old.version.id) === undefined;
  young.acquire();
  const version = { ...versionOf("more", 2 * mebibyte), pieceLength: 256 * 1024 };
  const more = await store.create(version);
  const content = contentOf(version, 2 * mebibyte);
  let refused: unknown;
  for (let index = 0; index < 8 && refused === undefined; index++) {
    refused = await writePiece(more, content, index).then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  const into = Buffer.alloc(3 * mebibyte);
  await young.readAt(0, into, into.length);
  const youngIsRight = into.equals(contentOf(young.version, into.length));
  const heldBytes = store.usedBytes;
  await store.close();
  const code = refused instanceof DragonflyError ? refused.code : String(refused);
  process.stdout.write(JSON.stringify({ oldIsGone, youngIsRight, code, message: String(refused), heldBytes }));
}

function canMount(): boolean {
  try {
    execFileSync("unshare", [...namespace, "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("a full disk evicts what is not in use, and then refuses with the path and what to do", {
  skip: !canMount(),
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-full-"));
  try {
    const script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" fill-disk "$1"';
    const program = fileURLToPath(import.meta.url);
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const shell = [...namespace, "sh", "-c", script, "sh", directory, process.execPath, program];
    const { stdout } = await run("unshare", shell, { env });
    const result = JSON.parse(stdout);
    assert.deepEqual([result.oldIsGone, result.youngIsRight, result.code], [true, true, "no-space"]);
    assert.match(result.message, new RegExp(`${join(directory, "versions")}/.*ENOSPC.*free space`));
    assert.equal(result.heldBytes % (256 * 1024), 0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
