import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { packageVersion } from "../runtime/package-version.ts";
import { commands } from "./commands.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";
import { serve } from "./serve.ts";

const id = "3f2a9c81d0b4".padEnd(64, "0");
const twin = "3f2b".padEnd(64, "1");
const tasks = [
  {
    id,
    url: "http://h/a\u001b[2J",
    state: "running",
    length: 209_715_200,
    peers: { fetching: 1, complete: 1 },
    bytesBySource: { peers: 1048576, supernode: 0, origin: 209_715_200 },
  },
  { id: twin, url: "http://h/b", state: "complete", length: null, peers: { fetching: 0, complete: 0 } },
];
const hosts = [{ id: "0123456789abcdef", address: "10.0.0.1:65002", isolated: true, tasks: 1, strikes: [{}, {}, {}] }];

const asked: string[] = [];
let server: Server | undefined;
let supernode = "";

before(async () => {
  const answer = (request: IncomingMessage): readonly [number, unknown] => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === "/api/v1/tasks") return [200, { tasks }];
    if (request.url === "/api/v1/hosts") return [200, { hosts }];
    if (request.url === `/api/v1/tasks/${id}`) return [204, undefined];
    return [
      404,
      { type: "about:blank", title: "Not Found", status: 404, detail: "there is no such task", code: "not-found" },
    ];
  };
  server = createServer((request, response) => {
    const [status, body] = answer(request);
    response.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  supernode = `127.0.0.1:${port}`;
});
after(async () => {
  server?.close();
  server?.closeAllConnections();
  if (server !== undefined) await once(server, "close");
});

function testIo(): { readonly io: Io; readonly said: () => readonly [stdout: string, stderr: string] } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io: Io = {
    stdout,
    stderr,
    env: { HOME: "/home/ada" },
    signals: new EventEmitter(),
    leave: () => assert.fail("left"),
    program: "/none",
  };
  const text = (stream: PassThrough): string => String(stream.read() ?? "");
  return { io, said: () => [text(stdout), text(stderr)] };
}

async function dragonfly(...args: readonly string[]): Promise<readonly [exit: number, stdout: string, stderr: string]> {
  const { io, said } = testIo();
  const exit = await main({ program: "dragonfly" }, args, io);
  return [exit, ...said()];
}

test("each command explains itself, with examples", async () => {
  for (const { name } of commands) {
    const [exit, stdout, stderr] = await dragonfly(name, "--help");
    assert.deepEqual([exit, stderr], [0, ""], name);
    assert.match(stdout, new RegExp(`^Usage: dragonfly ${name} \\[options\\]`));
    assert.match(stdout, /\nExamples:\n {2}# /);
    for (const flag of ["--config", "--log-level", "--log-format"]) assert.match(stdout, new RegExp(flag));
    assert.deepEqual(await dragonfly("help", name), [exit, stdout, stderr]);
  }
});

test("without a command the overview is shown and the exit code is 2", async () => {
  const [exit, stdout] = await dragonfly();
  assert.equal(exit, 2);
  for (const { name, summary } of commands) assert.match(stdout, new RegExp(`\\n +${name} +${summary.slice(0, 20)}`));
  assert.equal((await dragonfly("--help"))[0], 0);
});

test("the version is the package's", async () => {
  assert.deepEqual(await dragonfly("--version"), [0, `dragonfly ${packageVersion}\n`, ""]);
});

test("what is not understood is one line and exit code 2", async () => {
  const table: readonly (readonly [readonly string[], string])[] = [
    [["task"], 'dragonfly: unknown command "task": did you mean tasks?\n'],
    [
      ["--jsn"],
      'dragonfly: unknown flag "--jsn": the commands are get, daemon, supernode, tasks, hosts, explain, rm, isolate, release, preheat, token, init, ca, doctor, quickstart, simulate, completion, man\n',
    ],
    [["tasks", "--jsn"], "dragonfly tasks: --jsn: unknown flag, did you mean --json?\n"],
    [["tasks", "x"], 'dragonfly tasks: unexpected argument "x"\n'],
    [["rm"], "dragonfly rm: no task: say which, as dragonfly tasks shows it\n"],
    [["isolate"], "dragonfly isolate: no host: say which, as dragonfly hosts shows it\n"],
    [["release", "f".repeat(33)], `dragonfly release: "${"f".repeat(33)}" is not a host id\n`],
    [["rm", "xyz"], 'dragonfly rm: "xyz" is not a task id\n'],
    [["get", "-o"], "dragonfly get: option '-o, --output <FILE>' argument missing\n"],
  ];
  for (const [args, stderr] of table) assert.deepEqual(await dragonfly(...args), [2, "", stderr]);
});

test("a daemon that would be open to other machines in plain HTTP does not start without --insecure", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-open-"));
  const flags = ["--listen", "0.0.0.0:0", "--data-dir", dataDir, "--socket", join(dataDir, "d.sock")];
  const [exit, stdout, stderr] = await dragonfly("daemon", ...flags);
  await rm(dataDir, { recursive: true });
  assert.deepEqual([exit, stdout], [2, ""]);
  assert.match(
    stderr,
    /^dragonfly daemon: --listen: 0\.0\.0\.0:0 is open .* join with --token .* add --insecure, else listen on 127\.0\.0\.1\n$/,
  );
});

test("tasks are a table, safe for the terminal", async () => {
  const [exit, stdout] = await dragonfly("tasks", "--supernode", supernode);
  assert.equal(exit, 0);
  assert.equal(
    stdout,
    [
      "TASK           STATE      SIZE        PEERS   FROM PEERS   SUPERNODE   ORIGIN      URL",
      "3f2a9c81d0b4   running    200.0 MiB   2       1.0 MiB      0 B         200.0 MiB   http://h/a?[2J",
      "3f2b11111111   complete   -           0       0 B          0 B         0 B         http://h/b",
      "",
    ].join("\n"),
  );
});

test("--json is what the supernode says", async () => {
  const [, stdout] = await dragonfly("tasks", "--supernode", `http://${supernode}`, "--json");
  assert.deepEqual(JSON.parse(stdout), { tasks });
});

test("hosts are a table", async () => {
  const [exit, stdout] = await dragonfly("hosts", "-n", supernode);
  assert.equal(exit, 0);
  assert.match(stdout, /^HOST .*\n0123456789ab {3}isolated {3}1 {7}3 {9}10\.0\.0\.1:65002\n$/);
});

test("a task is removed by the beginning of its id, if only one begins so", async () => {
  assert.deepEqual(await dragonfly("rm", "3F2A", "-n", supernode), [0, `${id}\n`, ""]);
  assert.equal(asked.at(-1), `DELETE /api/v1/tasks/${id}`);
  assert.match((await dragonfly("rm", "3f2", "-n", supernode))[2], /several tasks begin with 3f2/);
  assert.deepEqual((await dragonfly("rm", "ff", "-n", supernode))[0], 1);
  const unknown = "e".repeat(64);
  assert.deepEqual(await dragonfly("rm", unknown, "-n", supernode), [1, "", "dragonfly rm: there is no such task\n"]);
});

test("a supernode that does not answer is named", async () => {
  const [exit, , stderr] = await dragonfly("tasks", "-n", "127.0.0.1:1");
  assert.equal(exit, 7);
  assert.match(stderr, /no supernode answers: http:\/\/127\.0\.0\.1:1 \(/);
});

test("a server says once that it is ready, and closes at a signal", async () => {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    const { io, said } = testIo();
    const signals = io.signals as EventEmitter;
    let closed = 0;
    const close = async (): Promise<void> => {
      closed++;
    };
    const ended = serve(async () => ({ readyLine: "supernode ready on http://x", close }), io);
    setImmediate(() => signals.emit(signal));
    assert.equal(await ended, 0);
    assert.equal(closed, 1);
    assert.equal(said()[0], "supernode ready on http://x\n");
    assert.equal(signals.listenerCount(signal), 0);
  }
});

test("a server that is idle closes, and one that drains too long is left at a second signal", async () => {
  const { io } = testIo();
  assert.equal(await serve(async () => ({ readyLine: "", idle: Promise.resolve(), close: async () => {} }), io), 0);
  let left: (code: number) => void = () => {};
  const leaving = new Promise<number>((resolve) => {
    left = resolve;
  });
  let drained: () => void = () => {};
  const draining = new Promise<void>((resolve) => {
    drained = resolve;
  });
  const signals = new EventEmitter();
  const ended = serve(async () => ({ readyLine: "", close: () => draining }), { ...io, signals, leave: left });
  setImmediate(() => {
    signals.emit("SIGTERM");
    signals.emit("SIGTERM");
  });
  assert.equal(await leaving, 8);
  drained();
  await ended;
});
