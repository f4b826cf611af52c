import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { type FakeDaemonScript, FakeLocalDaemon, type Send } from "../testing/fake-local-daemon.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";

const pieceLength = 64 << 10;
const content = Buffer.alloc(5 * pieceLength + 1234);
for (let i = 0; i < content.length; i++) content[i] = (i * 31 + (i >> 8)) & 255;
const sha256 = createHash("sha256").update(content).digest("hex");
const md5 = createHash("md5").update(content).digest("hex");
const from = { peers: content.length - 1234, supernode: 1234, origin: 0 };
const taskId = "a".repeat(64);

let root = "";
let directory = "";
let socket = "";
let raw = "";
let daemon: FakeLocalDaemon | undefined;
let count = 0;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "dfget-"));
});
beforeEach(async () => {
  directory = join(root, String(count++));
  await mkdir(directory);
  socket = join(directory, "d.sock");
  raw = join(directory, "raw");
  await writeFile(raw, content);
  await mkdir(join(directory, "out"));
});
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});
after(() => rm(root, { recursive: true }));

const accepted = (over: object = {}): object => ({
  type: "accepted",
  taskId,
  versionId: "b".repeat(64),
  url: "http://h/file.bin",
  length: content.length,
  pieceLength,
  file: raw,
  ...over,
});
const progress = (pieces: readonly (readonly [number, number])[], over: object = {}): object => ({
  type: "progress",
  bytes: 0,
  length: content.length,
  pieces,
  from,
  peers: 8,
  rateBytesPerSecond: 1e6,
  ...over,
});
const done = (over: object = {}): object => ({
  type: "done",
  bytes: content.length,
  digest: `sha256:${sha256}`,
  reused: false,
  from,
  peers: 8,
  ...over,
});

function completely(send: Send): void {
  send(accepted());
  send(progress([[3, 5]]));
  send(
    progress([
      [5, 6],
      [0, 2],
    ]),
  );
  send(progress([[2, 3]]));
  send(done());
}

const script = (over: Partial<FakeDaemonScript> = {}): FakeDaemonScript => ({ play: completely, content, ...over });

interface Run {
  readonly exit: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function ioFor(over: Partial<Io> = {}): { readonly io: Io; readonly output: () => Pick<Run, "stdout" | "stderr"> } {
  const collect = (stream: PassThrough): (() => Buffer) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
    return () => Buffer.concat(chunks);
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [collect(stdout), collect(stderr)];
  const io: Io = {
    stdout,
    stderr,
    env: { HOME: directory },
    signals: new EventEmitter(),
    leave: () => {},
    program: "/none",
    ...over,
  };
  return { io, output: () => ({ stdout: out(), stderr: err().toString() }) };
}

async function dfget(args: readonly string[], over: Partial<Io> = {}): Promise<Run> {
  const { io, output } = ioFor(over);
  const exit = await main({ program: "dfget", command: "get" }, [...args, "--socket", socket], io);
  return { exit, ...output() };
}

const out = (name = ""): string => join(directory, "out", name);
const left = (): Promise<string[]> => readdir(join(directory, "out"));

test("a file appears complete under its name, and one line tells where it came from", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const { exit, stdout, stderr } = await dfget(["http://h/file.bin", "-o", out("file.bin")]);
  assert.equal(exit, 0);
  assert.deepEqual(await readFile(out("file.bin")), content);
  assert.match(
    stderr,
    /^321\.2 KiB in \d+\.\ds \([\d.]+ [kMG]?B\/s\): 100% from 8 peers, 0% from the supernode, 0% from the origin\n$/,
  );
  assert.equal(stdout.length, 0);
  assert.deepEqual(await left(), ["file.bin"]);
  assert.equal((await stat(out("file.bin"))).mode & 0o777, 0o666 & ~process.umask());
});

test("what is asked of the daemon is what the flags say", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  await writeFile(join(directory, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
  const flags = [
    "-H",
    "A: 1",
    "-H",
    "B: 2",
    "-i",
    "t",
    "--range",
    "0-",
    "-f",
    "k&s",
    "-s",
    "20M",
    "-e",
    "5m",
    "--notbs",
  ];
  const args = ["-u", "http://ada:pw@h/file.bin", "-o", out(), "--digest", `sha256:${sha256}`, ...flags];
  const { exit } = await dfget([...args, "--cacert", join(directory, "ca.pem"), "-q"]);
  assert.equal(exit, 0);
  assert.deepEqual(daemon.requests, [
    {
      url: "http://ada:pw@h/file.bin",
      headers: { a: "1", b: "2" },
      tag: "t",
      range: "0-",
      digest: `sha256:${sha256}`,
      filter: ["k", "s"],
      rateBytesPerSecond: 20 * 2 ** 20,
      timeoutMs: 300_000,
      backToSource: false,
      ca: "-----BEGIN CERTIFICATE-----\n",
      order: "any",
    },
  ]);
});

test("--json prints one object, without the URL's credentials", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const { exit, stdout } = await dfget(["http://ada:pw@h/file.bin", "-o", out("f"), "--json", "-q"]);
  assert.equal(exit, 0);
  const { elapsedMs, ...result } = JSON.parse(stdout.toString());
  assert.ok(Number.isInteger(elapsedMs));
  assert.deepEqual(result, {
    status: "done",
    url: "http://h/file.bin",
    output: out("f"),
    bytes: content.length,
    taskId,
    digest: `sha256:${sha256}`,
    reused: false,
    from,
  });
});

test("where the raw file cannot be opened, bytes come over the socket", async () => {
  daemon = await FakeLocalDaemon.start(socket, {
    content,
    play(send) {
      send(accepted({ file: null }));
      send(progress([[4, 6]]));
      send(done());
    },
  });
  const { exit } = await dfget(["http://h/file.bin", "-o", out("f")]);
  assert.equal(exit, 0);
  assert.deepEqual(await readFile(out("f")), content);
  assert.equal(daemon.ranges.length > 0, true);
});

test("standard output takes the bytes in order, at its reader's pace", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const stdout = new PassThrough({ highWaterMark: 1000 });
  const chunks: Buffer[] = [];
  const read = (async () => {
    for await (const chunk of stdout) chunks.push(Buffer.from(chunk));
  })();
  const { io, output } = ioFor({ stdout });
  assert.equal(
    await main({ program: "dfget", command: "get" }, ["http://h/f", "-o", "-", "-m", md5, "--socket", socket], io),
    0,
  );
  stdout.end();
  await read;
  assert.deepEqual(Buffer.concat(chunks), content);
  assert.equal(daemon.requests[0]?.order, "stream");
  assert.match(output().stderr, /from 8 peers/);
});

test("a content of unknown length is written as it comes and cut at its end", async () => {
  for (const file of [raw, null]) {
    daemon = await FakeLocalDaemon.start(socket, {
      content,
      async play(send) {
        send(accepted({ length: null, file }));
        send(progress([[0, 4]], { length: null }));
        send(accepted({ file }));
        send(progress([[4, 6]]));
        send(done());
      },
    });
    const { exit } = await dfget(["http://h/f", "-o", out("f"), "--overwrite"]);
    assert.equal(exit, 0);
    assert.deepEqual(await readFile(out("f")), content);
    await daemon.close();
    daemon = undefined;
  }
});

test("an empty content makes an empty file", async () => {
  daemon = await FakeLocalDaemon.start(socket, {
    play(send) {
      send(accepted({ length: 0, file: null }));
      send(done({ bytes: 0, digest: null, from: { peers: 0, supernode: 0, origin: 0 }, peers: 0 }));
    },
  });
  const { exit, stderr } = await dfget(["http://h/f", "-o", out("f")]);
  assert.equal(exit, 0);
  assert.equal((await stat(out("f"))).size, 0);
  assert.match(stderr, /^0 B in /);
});

test("content that changes underneath starts the file over, and fails a stream that has begun", async () => {
  const other = join(directory, "other");
  await writeFile(other, Buffer.alloc(100, 7));
  daemon = await FakeLocalDaemon.start(socket, {
    async play(send, { order }) {
      send(accepted());
      send(progress([[0, 6]]));
      if (order === "stream") await begun;
      send(accepted({ versionId: "c".repeat(64), length: 100, file: other }));
      send(done({ bytes: 100, digest: null }));
    },
  });
  const stdout = new PassThrough();
  const begun = once(stdout, "data");
  assert.equal((await dfget(["http://h/f", "-o", out("f")])).exit, 0);
  assert.deepEqual(await readFile(out("f")), Buffer.alloc(100, 7));
  const { exit, stderr } = await dfget(["http://h/f", "-o", "-"], { stdout });
  assert.equal(exit, 3);
  assert.match(stderr, /content changed when standard output had taken a part/);
});

test("notes are shown once, and not at all with -q", async () => {
  const noting = script({
    play(send) {
      send({ type: "note", message: "no supernode is configured: reading from the origin" });
      send({ type: "note", message: "no supernode is configured: reading from the origin" });
      completely(send);
    },
  });
  daemon = await FakeLocalDaemon.start(socket, noting);
  const loud = await dfget(["http://h/f", "-o", out("a")]);
  assert.equal(loud.stderr.split("\n")[0], "dfget: no supernode is configured: reading from the origin");
  assert.equal(loud.stderr.split("\n").length, 3);
  assert.equal((await dfget(["http://h/f", "-o", out("b"), "-q"])).stderr, "");
});

test("-n that names other supernodes than a running daemon has is noted", async () => {
  daemon = await FakeLocalDaemon.start(socket, script({ supernodes: ["http://a:8002"] }));
  assert.doesNotMatch((await dfget(["http://h/f", "-o", out("a"), "-n", "a"])).stderr, /no effect/);
  const { stderr } = await dfget(["http://h/f", "-o", out("b"), "-n", "b"]);
  assert.match(stderr, /--supernode has no effect on a running daemon: the one at .* uses http:\/\/a:8002\n/);
});

test("digests are checked, and other content leaves no file", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const sha512 = createHash("sha512").update(content).digest("hex");
  const good = ["--digest", `sha512:${sha512}`, "-m", md5.toUpperCase()];
  assert.equal((await dfget(["http://h/f", "-o", out("good"), ...good])).exit, 0);
  const zeros = { sha256: "0".repeat(64), sha512: "0".repeat(128), md5: "0".repeat(32) };
  for (const [algorithm, hex] of Object.entries(zeros)) {
    const { exit, stderr } = await dfget(["http://h/f", "-o", out("bad"), "--digest", `${algorithm}:${hex}`]);
    assert.equal(exit, 4);
    assert.match(stderr, new RegExp(`^dfget: the content has ${algorithm} [0-9a-f]+, not 0+ as asked for\n$`));
  }
  assert.deepEqual(await left(), ["good"]);
});

test("a file that is there stays, and the daemon is not even asked", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  await writeFile(out("file.bin"), "old");
  for (const output of [out("file.bin"), out()]) {
    const { exit, stderr } = await dfget(["http://h/file.bin", "-o", output]);
    assert.equal(exit, 2);
    assert.equal(stderr, `dfget: ${out("file.bin")} is there already: --overwrite replaces it\n`);
  }
  assert.deepEqual(daemon.requests, []);
  assert.equal(await readFile(out("file.bin"), "utf8"), "old");
});

test("--overwrite replaces a file, keeps its mode, and follows a link to it", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  await writeFile(out("real"), "old");
  await chmod(out("real"), 0o600);
  await symlink("real", out("link"));
  assert.equal((await dfget(["http://h/f", "-o", out("link"), "--overwrite"])).exit, 0);
  assert.deepEqual(await readFile(out("real")), content);
  assert.equal((await stat(out("real"))).mode & 0o777, 0o600);
  assert.deepEqual((await left()).sort(), ["link", "real"]);
});

test("a file that appears while the download runs is not overwritten", async () => {
  daemon = await FakeLocalDaemon.start(socket, {
    async play(send) {
      send(accepted());
      await writeFile(out("f"), "theirs");
      send(done());
    },
  });
  const { exit } = await dfget(["http://h/f", "-o", out("f")]);
  assert.equal(exit, 2);
  assert.equal(await readFile(out("f"), "utf8"), "theirs");
  assert.deepEqual(await left(), ["f"]);
});

test("an output that cannot be is refused by its reason", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const table: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["http://h/f", "-o", out("none/f")], 2, /the directory .*none does not exist/],
    [["http://h/f", "-o", out("none/")], 2, /this directory does not exist/],
    [["http://h/f", "-o", join(raw, "f")], 2, /does not exist/],
    [["http://h/", "-o", out()], 2, /ends in no file name: say where to write with -o FILE/],
    [["http://h/a%2Fb", "-o", out()], 2, /ends in no file name/],
    [["http://h/%2e%2e", "-o", out()], 2, /ends in no file name/],
    [["ftp://h/f"], 2, /ftp:\/\/ is not a scheme/],
    [["http://h/f", "--cacert", "/none.pem", "-o", out("f")], 2, /--cacert: \/none\.pem cannot be read/],
    [["http://h/f", "-o", "/dev/full"], 5, /\/dev\/full: no space left/],
  ];
  for (const [args, exit, message] of table) {
    const run = await dfget(args);
    assert.equal(run.exit, exit, args.join(" "));
    assert.match(run.stderr, message);
    assert.match(run.stderr, /^dfget: [^\n]+\n$/);
  }
  assert.deepEqual(await left(), []);
});

test("a device is written into, never replaced", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const { exit } = await dfget(["http://h/f", "-o", "/dev/null", "--overwrite"]);
  assert.equal(exit, 0);
  assert.equal((await stat("/dev/null")).isCharacterDevice(), true);
});

test("the URL's last segment names the file, percent-decoded", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  assert.equal((await dfget(["http://h/d/a%20b%C3%A9.tar?x=/y", "-o", out()])).exit, 0);
  assert.deepEqual(await left(), ["a bé.tar"]);
});

test("what the daemon reports as failed becomes the exit code and one line", async () => {
  const table: readonly (readonly [string, number])[] = [
    ["origin-refused", 3],
    ["origin-unreachable", 3],
    ["digest-mismatch", 4],
    ["no-space", 5],
    ["timed-out", 6],
    ["no-source", 7],
    ["of a newer daemon", 1],
  ];
  for (const [code, exit] of table) {
    const failing = await FakeLocalDaemon.start(socket, {
      play(send) {
        send(accepted());
        send(progress([[0, 2]]));
        send({ type: "failed", error: { code, blame: "origin", message: "the origin answered 404 Not Found" } });
      },
    });
    const run = await dfget(["http://h/f", "-o", out("f"), "--json"]);
    await failing.close();
    assert.equal(run.exit, exit);
    const { status, error } = JSON.parse(run.stdout.toString());
    assert.equal(status, "failed");
    assert.equal(error.message, "the origin answered 404 Not Found");
    assert.match(run.stderr, /^dfget: the origin answered 404 Not Found\n/);
    assert.deepEqual(await left(), []);
  }
});

test("a refused request tells the problem's detail", async () => {
  const problem = { status: 400, code: "unsupported-scheme", detail: "gopher is gone" };
  daemon = await FakeLocalDaemon.start(socket, script({ problem }));
  const { exit, stderr } = await dfget(["http://h/f", "-o", out("f")]);
  assert.deepEqual([exit, stderr], [2, "dfget: gopher is gone\n"]);
  assert.deepEqual(await left(), []);
});

test("a daemon that goes away or speaks nonsense fails the download", async () => {
  const table: readonly (readonly [FakeDaemonScript["play"], RegExp])[] = [
    [(send) => send(accepted()), /it went away before the download was complete/],
    [(send) => send({ type: "progress" }), /malformed "progress" line/],
    [(send) => send(done()), /done before it began/],
    [(send) => [accepted({ file: null }), done({ bytes: 2 * content.length })].forEach(send), /gave its content up to/],
  ];
  for (const [play, message] of table) {
    const failing = await FakeLocalDaemon.start(socket, { play, content });
    const { exit, stderr } = await dfget(["http://h/f", "-o", out("f")]);
    await failing.close();
    assert.equal(exit, 1);
    assert.match(stderr, message);
    assert.deepEqual(await left(), []);
  }
});

test("a signal ends the download with 8, closes the connection and leaves no file", async () => {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    const signals = new EventEmitter();
    let sent: () => void = () => {};
    const never = new Promise<void>((resolve) => {
      sent = resolve;
    });
    const hanging = await FakeLocalDaemon.start(socket, {
      async play(send) {
        send(accepted());
        send(progress([[0, 3]]));
        setImmediate(() => signals.emit(signal));
        await never;
      },
    });
    const { exit, stderr } = await dfget(["http://h/f", "-o", out("f")], { signals });
    assert.deepEqual([exit, stderr], [8, "dfget: interrupted\n"]);
    await hanging.clientGone;
    sent();
    await hanging.close();
    assert.deepEqual(await left(), []);
    assert.equal(signals.listenerCount(signal), 0);
  }
});

test("a second signal leaves at once, and takes the temporary file away first", async () => {
  const signals = new EventEmitter();
  const codes: number[] = [];
  let namesAtLeaving: Promise<string[]> | undefined;
  const leave = (code: number): void => {
    codes.push(code);
    namesAtLeaving = left();
  };
  daemon = await FakeLocalDaemon.start(socket, {
    async play(send) {
      send(accepted());
      setImmediate(() => {
        signals.emit("SIGTERM");
        signals.emit("SIGTERM");
      });
      await new Promise<void>((resolve) => daemon?.clientGone.then(resolve));
    },
  });
  const { exit } = await dfget(["http://h/f", "-o", out("f")], { signals, leave });
  assert.equal(exit, 8);
  assert.deepEqual(codes, [8]);
  assert.deepEqual(await namesAtLeaving, []);
});

test("-e ends a download that takes too long with 6", async () => {
  daemon = await FakeLocalDaemon.start(socket, {
    async play(send) {
      send(accepted());
      await daemon?.clientGone;
    },
  });
  const { exit, stderr } = await dfget(["http://h/f", "-o", out("f"), "-e", "50ms"]);
  assert.deepEqual([exit, stderr], [6, "dfget: not complete after 0.1s\n"]);
  assert.deepEqual(await left(), []);
});

test("standard output that its reader closes fails with 5", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const stdout = new PassThrough();
  stdout.once("data", () => stdout.destroy());
  const { exit, stderr } = await dfget(["http://h/f", "-o", "-"], { stdout });
  assert.deepEqual([exit, stderr], [5, "dfget: standard output was closed by its reader\n"]);
});

test("-v tells each step", async () => {
  daemon = await FakeLocalDaemon.start(socket, script());
  const { stderr } = await dfget(["http://h/f", "-o", out("f"), "-v"]);
  assert.match(stderr, new RegExp(`dfget: task ${taskId}, ${content.length} bytes\n`));
  assert.match(stderr, /read through the daemon's file\n/);
});
