// What is altered on its way between real processes' parts: pieces of a peer that lies, and a manifest that somebody between daemon and
// supernode writes to. Nothing of it reaches a file, and who sent it has a strike.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { Bitset } from "../core/bitset.ts";
import { choosePieceLength } from "../core/version.ts";
import { Daemon } from "../daemon/daemon.ts";
import { download } from "../library/download.ts";
import { parseDaemonOptions, parseSupernodeOptions } from "../runtime/config.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { Supernode } from "../supernode/supernode.ts";
import { pieceRig } from "../testing/piece-rig.ts";
import { ScriptedDaemon } from "../testing/scripted-daemon.ts";
import { Tap } from "../testing/tap.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";
import { taskKey, versionIdOf } from "../wire/task-key.ts";

const content = testContent(3_000_000, 8);
const pieceLength = choosePieceLength(content.length);

async function stage(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "altered-"));
  const origin = await TestOrigin.start({ content, etag: '"v1"', rateBytesPerSecond: 3_000_000 });
  const supernode = await Supernode.start(parseSupernodeOptions({ listen: "127.0.0.1:0", dataDir: join(folder, "s") }));
  const closing: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const close of closing.reverse()) await close();
    await supernode.close();
    await origin.close();
    await rm(folder, { recursive: true });
  });
  const lines: string[] = [];
  const log: Log = await openLog({ level: "info", format: "text" }, { write: (line) => lines.push(line) });
  const output = join(folder, "out");
  const socket = join(folder, "d.sock");
  return {
    ...{ origin, supernode, output, lines, closing, folder },
    startDaemon: async (url: string) => {
      const options = { supernode: url, listen: "127.0.0.1:0", proxy: "off", socket, dataDir: join(folder, "d") };
      const daemon = await Daemon.start(parseDaemonOptions(options), log);
      closing.push(() => daemon.close());
    },
    get: (path: string) => download(origin.url(path), { socket, output, overwrite: true, noBackToSource: true }),
  };
}

/** As another program would that hides it: the file's time stays as it was. */
async function alterUnseen(data: string): Promise<void> {
  const [version = ""] = await readdir(join(data, "versions"));
  const pieces = join(data, "versions", version, "pieces");
  await promisify(execFile)("cp", ["--preserve=timestamps", pieces, `${pieces}.before`]);
  const file = await open(pieces, "r+");
  await file.write(Buffer.from([(content[2_000_000] ?? 0) ^ 1]), 0, 1, 2_000_000);
  await file.close();
  await promisify(execFile)("touch", ["--reference", `${pieces}.before`, pieces]);
}

test("what is kept and was altered unseen does not reach an output: it is fetched anew", async (t) => {
  const { output, lines, folder, supernode, startDaemon, get } = await stage(t);
  await startDaemon(supernode.url);
  await get("/kept");
  await alterUnseen(join(folder, "d"));
  const { from } = await get("/kept");
  assert.deepEqual(await readFile(output), Buffer.from(content));
  assert.ok(from.supernode > 0, lines.join(""));
});

interface KnownHost {
  readonly id: string;
  readonly strikes: readonly { readonly reason: string; readonly by: string; readonly version: string }[];
}

test("a peer that sends altered pieces over its link has a strike, and the file is right", async (t) => {
  const { origin, supernode, output, closing, startDaemon, get } = await stage(t);
  const url = origin.url("/lied");
  const version = versionIdOf(taskKey({ url, headers: {} }).id, content.length, '"v1"');
  const altered = Buffer.from(content);
  for (let at = 7; at < altered.length; at += pieceLength) altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
  const rig = await pieceRig();
  let given = 0;
  const held = new Bitset();
  held.addRange(0, Math.ceil(content.length / pieceLength));
  rig.contents.set(version, {
    ...{ version: { length: content.length, pieceLength }, held, complete: true },
    onGained: () => () => {},
    read: async (piece, into) => {
      given++;
      return altered.subarray(piece * pieceLength, (piece + 1) * pieceLength).copy(into);
    },
  });
  const liar = await ScriptedDaemon.join(supernode.url, "f", rig.address);
  closing.push(async () => {
    liar.leave();
    await rig[Symbol.asyncDispose]();
  });
  const task = taskKey({ url, headers: {} }).id;
  liar.send({ type: "holdings", holdings: [{ task, version, complete: true }] });
  await startDaemon(supernode.url);
  await get("/lied");
  assert.deepEqual(await readFile(output), Buffer.from(content));
  assert.ok(given > 0, "the liar was asked");
  const { hosts } = (await (await fetch(`${supernode.url}/api/v1/hosts`)).json()) as { hosts: readonly KnownHost[] };
  const honest = hosts.find(({ id }) => id !== liar.host);
  const strikes = hosts.find(({ id }) => id === liar.host)?.strikes ?? [];
  assert.ok(strikes.length > 0);
  for (const { reason, by, version: of } of strikes)
    assert.deepEqual([reason, by, of], ["corrupt", honest?.id, version]);
  assert.deepEqual(honest?.strikes, []);
});

/** Writes to what stands behind `mark`, so many times: by default to the first digest of a manifest. */
function forger(times: number, mark: string | Uint8Array = '"digests":"') {
  let left = times;
  return (chunk: Buffer): Buffer => {
    const at = chunk.indexOf(mark);
    const place = at + mark.length;
    if (at < 0 || left === 0 || place >= chunk.length) return chunk;
    left--;
    const altered = Buffer.from(chunk);
    altered.writeUInt8(altered.readUInt8(place) === 0x41 ? 0x42 : 0x41, place);
    return altered;
  };
}

test("a manifest altered on its way costs the connection, and the download goes on with another", async (t) => {
  const { supernode, output, lines, closing, startDaemon, get } = await stage(t);
  const tap = await Tap.start(supernode.url, forger(1));
  closing.push(() => tap.close());
  await startDaemon(tap.url);
  await get("/once");
  assert.deepEqual(await readFile(output), Buffer.from(content));
  assert.match(lines.join(""), /lost supernode.*cluster's signature/);
});

test("a supernode whose manifests never carry its signature is refused, and isolated in the end", async (t) => {
  const { supernode, lines, closing, startDaemon, get } = await stage(t);
  const tap = await Tap.start(supernode.url, forger(Number.POSITIVE_INFINITY));
  closing.push(() => tap.close());
  await startDaemon(tap.url);
  const isIsolated = (): boolean => lines.some((line) => line.includes("supernode isolated"));
  for (let nth = 0; nth < 6 && !isIsolated(); nth++) {
    await assert.rejects(get(`/${nth}`), { code: "protocol-violation" });
  }
  assert.ok(isIsolated(), lines.join(""));
});

test("a supernode's piece altered on its way is asked for again, and one that always is ends the download", async (t) => {
  const { supernode, output, lines, closing, startDaemon, get } = await stage(t);
  let forge = forger(1, content.subarray(1000, 1016));
  const tap = await Tap.start(supernode.url, (chunk) => forge(chunk));
  closing.push(() => tap.close());
  await startDaemon(tap.url);
  await get("/once");
  assert.deepEqual(await readFile(output), Buffer.from(content));
  assert.match(lines.join(""), /lost supernode.*not what it signed/);
  forge = forger(Number.POSITIVE_INFINITY, content.subarray(1000, 1016));
  await assert.rejects(get("/always"), { code: "piece-corrupt" });
});
