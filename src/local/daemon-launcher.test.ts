import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { socketOwnerOf } from "../runtime/locations.ts";
import { ProcessLock } from "../runtime/process-lock.ts";
import { ensureDaemon, type Launch } from "./daemon-launcher.ts";
import { LocalClient } from "./local-client.ts";

// Stands for bin/dragonfly.js: tells how it was started, listens, and leaves when it is asked to.
const daemonProgram = `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
const flag = (name) => process.argv[process.argv.indexOf(name) + 1];
appendFileSync(flag("--data-dir") + "/starts", JSON.stringify({ args: process.argv.slice(2), config: process.env.DRAGONFLY_CONFIG ?? null }) + "\\n");
const server = createServer((request, response) => {
  response.end(JSON.stringify({ supernodes: [], version: "0" }));
  if (request.headers["x-leave"]) process.exit();
  clearTimeout(timer);
});
// Should the test die, the process does not outlive it for long.
setTimeout(() => process.exit(), 20000);
const timer = setTimeout(() => process.exit(), 10000);
server.listen(flag("--socket"), () => console.log("daemon ready: pieces http://x, proxy off, socket " + flag("--socket")));
`;
const failingProgram = `
console.error("dragonfly daemon: the disk is full");
process.exit(5);
`;
// Fails once it is told to.
const slowFailingProgram = `
import { existsSync, writeFileSync } from "node:fs";
const data = process.argv[process.argv.indexOf("--data-dir") + 1];
writeFileSync(data + "/started", "");
setTimeout(() => process.exit(1), 20000);
setInterval(() => existsSync(data + "/may-fail") && process.exit(2), 10);
`;

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "launch-"));
  await writeFile(join(directory, "daemon.mjs"), daemonProgram);
  await writeFile(join(directory, "failing.mjs"), failingProgram);
  await writeFile(join(directory, "slow-failing.mjs"), slowFailingProgram);
});
after(() => rm(directory, { recursive: true }));

const launchOf = (name: string, program: string): Launch => ({
  program: join(directory, program),
  socket: join(directory, name, "d.sock"),
  dataDir: join(directory, name, "data"),
  supernodes: ["http://a:8002", "http://b:8002"],
  logLevel: "info",
  logFormat: "text",
  env: { PATH: process.env.PATH, DRAGONFLY_CONFIG: "/for/dfget.yaml" },
});

const signal = new AbortController().signal;

async function dismiss(socket: string): Promise<void> {
  const { request } = await import("node:http");
  await new Promise<void>((resolve) => {
    const asked = request({ socketPath: socket, headers: { "x-leave": "1" } });
    asked.once("error", () => resolve());
    asked.once("response", (response) => response.resume().once("close", resolve));
    asked.end();
  });
}

test("ten that want a daemon at once end with one, and all can use it", async () => {
  const launch = launchOf("ten", "daemon.mjs");
  const clients = Array.from({ length: 10 }, () => new LocalClient(launch.socket));
  try {
    const outcomes = await Promise.all(clients.map((client) => ensureDaemon(client, launch, signal)));
    assert.equal(outcomes.filter(({ started }) => started).length, 1);
    const starts = (await readFile(join(launch.dataDir, "starts"), "utf8")).trim().split("\n");
    assert.equal(starts.length, 1);
    const { args, config } = JSON.parse(starts[0] ?? "");
    assert.equal(config, null);
    assert.deepEqual(args, [
      "daemon",
      ...["--idle-exit", "5m", "--socket", launch.socket, "--data-dir", launch.dataDir],
      ...["--listen", "127.0.0.1:0", "--proxy", "off"],
      ...[
        "--supernode",
        "http://a:8002",
        "--supernode",
        "http://b:8002",
        "--log-level",
        "info",
        "--log-format",
        "text",
      ],
    ]);
    assert.equal((await stat(launch.dataDir)).mode & 0o777, 0o700);
    await assert.rejects(stat(`${launch.socket}.lock`), { code: "ENOENT" });
  } finally {
    for (const client of clients) client.close();
    await dismiss(launch.socket);
  }
});

test("a daemon that does not start is reported with its own words", async () => {
  const launch = launchOf("failing", "failing.mjs");
  const client = new LocalClient(launch.socket);
  await assert.rejects(ensureDaemon(client, launch, signal), {
    code: "daemon-unreachable",
    message: `a daemon could not be started: the disk is full (its log is ${launch.dataDir}/daemon.log)`,
  });
  client.close();
});

/** A daemon comes up meanwhile: this is the one that is found. */
async function finds(outcome: ReturnType<typeof ensureDaemon>, { socket }: Launch): Promise<void> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ supernodes: [], version: "0" })));
  await setTimeout(200);
  server.listen(socket);
  assert.equal((await outcome).started, false);
  server.close();
}

test("where a daemon comes up already, none is started", async () => {
  const launch = launchOf("coming", "failing.mjs");
  const client = new LocalClient(launch.socket);
  await mkdir(launch.dataDir, { recursive: true });
  const owner = await ProcessLock.take(socketOwnerOf(launch.socket));
  const outcome = ensureDaemon(client, launch, signal);
  await finds(outcome, launch);
  client.close();
  await owner?.release();
});

test("one that could not be started since another came up is not missed", async () => {
  const launch = launchOf("raced", "slow-failing.mjs");
  const client = new LocalClient(launch.socket);
  const outcome = ensureDaemon(client, launch, signal);
  while ((await stat(join(launch.dataDir, "started")).catch(() => undefined)) === undefined) await setTimeout(10);
  const owner = await ProcessLock.take(socketOwnerOf(launch.socket));
  await writeFile(join(launch.dataDir, "may-fail"), "");
  await finds(outcome, launch);
  client.close();
  await owner?.release();
});
