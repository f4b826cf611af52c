import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { ProcessLock } from "./process-lock.ts";

const run = promisify(execFile);

async function lockPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lock-"));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, "lock");
}

test("it is had by one, who is told, until it is given back", async (t) => {
  const path = await lockPath(t);
  assert.equal(await ProcessLock.holder(path), undefined);
  const lock = await ProcessLock.take(path);
  assert.notEqual(lock, undefined);
  assert.equal(await ProcessLock.holder(path), process.pid);
  assert.equal(await ProcessLock.take(path), undefined);
  await lock?.release();
  await assert.rejects(stat(path), { code: "ENOENT" });
  assert.notEqual(await ProcessLock.take(path), undefined);
});

test("what the dead left, or nobody can read, is taken over", async (t) => {
  const path = await lockPath(t);
  const dead = run(process.execPath, ["--version"]);
  const { pid } = dead.child;
  await dead;
  const boot = "00000000-0000-0000-0000-000000000000";
  const left = [JSON.stringify({ pid, boot, startedTicks: "1" }), "", String(process.pid)];
  for (const text of left) {
    await writeFile(path, text);
    assert.equal(await ProcessLock.holder(path), undefined);
    const lock = await ProcessLock.take(path);
    assert.equal(await ProcessLock.holder(path), process.pid);
    await lock?.release();
  }
});
