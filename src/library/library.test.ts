import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import { Daemon, type DaemonOptions, DragonflyError, download, Supernode } from "../index.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(3_000_001);
const sha256 = createHash("sha256").update(content).digest("hex");

let directory = "";
let origin: TestOrigin;
let supernode: Supernode;
let count = 0;
const daemons: Daemon[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "library-"));
  origin = await TestOrigin.start({ content });
  supernode = await Supernode.start({ listen: "127.0.0.1:0", dataDir: join(directory, "supernode") });
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.close();
});
after(async () => {
  await supernode.close();
  await origin.close();
  await rm(directory, { recursive: true });
});

async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const name = join(directory, `daemon-${count++}`);
  const daemon = await Daemon.start({
    supernode: supernode.url,
    listen: "127.0.0.1:0",
    proxy: "off",
    socket: `${name}.sock`,
    dataDir: name,
    ...options,
  });
  daemons.push(daemon);
  return daemon;
}

const path = (name: string): string => join(directory, name);

test("two daemons and a supernode in one process bring a file, and the origin is read once", async () => {
  const [first, second] = [await startDaemon(), await startDaemon()];
  const seen: number[] = [];
  const url = origin.url("/once.bin");
  const result = await download(url, {
    daemon: first,
    output: path("one.bin"),
    digest: `sha256:${sha256}`,
    onProgress: ({ bytes }) => seen.push(bytes),
  });
  const { elapsedMs, taskId, from, ...rest } = result;
  assert.deepEqual(rest, {
    status: "done",
    url,
    output: path("one.bin"),
    bytes: content.length,
    digest: `sha256:${sha256}`,
    reused: false,
  });
  assert.match(taskId ?? "", /^[0-9a-f]{64}$/);
  assert.ok(Number.isInteger(elapsedMs));
  assert.equal(from.peers + from.supernode + from.origin, content.length);
  assert.equal(seen.at(-1), content.length);
  await download(url, { daemon: second, output: path("two.bin") });
  assert.deepEqual(await readFile(path("one.bin")), Buffer.from(content));
  assert.deepEqual(await readFile(path("two.bin")), Buffer.from(content));
  assert.equal(origin.sentBytes, content.length);
  const again = await download(url, { socket: first.socket, output: path("one.bin"), overwrite: true });
  assert.equal(again.reused, true);
});

test("a stream gives the bytes in order, and its result comes at its end", async () => {
  const daemon = await startDaemon();
  const { stream, length, result } = await download(origin.url("/stream.bin"), { daemon, as: "stream" });
  assert.equal(length, content.length);
  assert.deepEqual(await buffer(stream), Buffer.from(content));
  const { status, output, bytes } = await result;
  assert.deepEqual({ status, output, bytes }, { status: "done", output: null, bytes: content.length });
});

test("a range, headers and a tag reach the origin and keep contents apart", async () => {
  const daemon = await startDaemon();
  const url = origin.url("/range.bin");
  const headers = { "x-token": "opal" };
  const { stream, length } = await download(url, { daemon, as: "stream", range: "1000-1999", tag: "part", headers });
  assert.equal(length, 1000);
  assert.deepEqual(await buffer(stream), Buffer.from(content.subarray(1000, 2000)));
  const asked = origin.requests.filter((request) => request.url === "/range.bin");
  assert.ok(asked.length > 0 && asked.every((request) => request.headers["x-token"] === "opal"));
});

test("a stream whose content is not what was asked for fails at its end", async () => {
  const daemon = await startDaemon();
  const digest = `md5:${"0".repeat(32)}`;
  const { stream, result } = await download(origin.url("/wrong.bin"), { daemon, as: "stream", digest });
  await assert.rejects(buffer(stream), { code: "digest-mismatch" });
  await assert.rejects(result, { code: "digest-mismatch" });
});

test("a download that is aborted ends with interrupted, keeps the reason and leaves no file", async () => {
  const daemon = await startDaemon({ supernode: undefined, downloadLimit: "1MB/s" });
  const stop = new AbortController();
  const reason = new Error("changed my mind");
  await assert.rejects(
    download(origin.url("/aborted.bin"), {
      daemon,
      output: path("aborted.bin"),
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    }),
    (error) => error instanceof DragonflyError && error.code === "interrupted" && error.cause === reason,
  );
  const left = await readdir(directory);
  assert.deepEqual(
    left.filter((name) => name.includes("aborted")),
    [],
  );
  const early = download(origin.url("/never.bin"), { daemon, output: path("never.bin"), signal: AbortSignal.abort() });
  await assert.rejects(early, { code: "interrupted" });
});

test("a reader that closes its stream stops the download", async () => {
  const daemon = await startDaemon({ supernode: undefined, downloadLimit: "1MB/s" });
  const { stream, result } = await download(origin.url("/left.bin"), { daemon, as: "stream" });
  await once(stream, "data");
  stream.destroy();
  await assert.rejects(result, { code: "interrupted" });
});

test("what the origin refuses is the error of the call, for a stream too", async () => {
  const daemon = await startDaemon();
  origin.script = (_nth, { url }) => (url === "/gone.bin" ? { status: 404 } : undefined);
  const url = origin.url("/gone.bin");
  const refused = { name: "DragonflyError", code: "origin-refused", blame: "origin", originStatus: 404 };
  await assert.rejects(download(url, { daemon, output: path("gone.bin") }), refused);
  await assert.rejects(download(url, { daemon, as: "stream" }), refused);
});

test("options are refused as the command line refuses flags, all faults at once", async () => {
  const bad = { digest: "sha256:1", limit: "fast" };
  await assert.rejects(download("nonsense", { ...bad, tagg: "x" } as object), (error) => {
    const said = error instanceof DragonflyError ? error.message : "";
    return [/tagg: unknown option, did you mean tag\?/, /digest: /, /limit: /, /"nonsense" is not a URL/].every((one) =>
      one.test(said),
    );
  });
  await assert.rejects(download("http://h/f", { as: "stream", output: "f" }), { code: "bad-usage" });
  await assert.rejects(download("http://h/f", { headers: { Range: "bytes=0-1" } }), /header: .*use --range/);
  await assert.rejects(Daemon.start({ listen: "0.0.0.0:0", dataDir: path("open") }), /--token .*--insecure/);
  await assert.rejects(Daemon.start({ quota: "much" }), { code: "bad-config" });
});

test("a role says nothing unless it is given a log", async () => {
  const lines: string[] = [];
  const hear = (message: string): void => void lines.push(message);
  const log = { debug: hear, info: hear, warn: hear, error: hear, child: () => log };
  await startDaemon({ log });
  assert.ok(lines.includes("daemon serving"));
});
