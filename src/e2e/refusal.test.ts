// What cannot work, and what origins do wrong: one line that names the cause and the mend, the right exit code, and nothing left behind.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { freePort } from "../testing/free-port.ts";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { type ProcessHost, ProcessSwarm } from "../testing/process-swarm.ts";
import { Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(6 * 2 ** 20, 13);
let swarm: ProcessSwarm;
/** A host whose supernode nobody serves. */
let lonely: ProcessSwarm;
let origin: TestOrigin;
let kept: string[];

before(async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  [origin, swarm, lonely] = await Promise.all([
    TestOrigin.start({ content }),
    ProcessSwarm.start(),
    ProcessSwarm.start({ supernode: nobody }),
  ]);
  kept = [];
});
afterEach(async () => {
  origin.answer = { content };
  origin.script = undefined;
  for (const host of [swarm.first, lonely.first]) {
    const left = (await host.files()).filter((name) => !kept.includes(name));
    assert.deepEqual(left, [], "files that nobody asked for");
  }
});
after(() => Promise.all([swarm.close(), lonely.close(), origin.close()]));

function whole(host: ProcessHost, name: string): Promise<void> {
  kept.push(name);
  return sha256OfFile(host.path(name)).then((actual) => assert.equal(actual, sha256(content)));
}

/** A server that is to refuse its configuration. */
function configured(command: "daemon" | "supernode", ...flags: readonly string[]): Promise<unknown> {
  const dataDir = join(swarm.folder, "refused");
  const socket = command === "daemon" ? ["--socket", join(swarm.folder, "refused.sock")] : [];
  const all = [command, "--data-dir", dataDir, ...socket, ...flags];
  return new Program("dragonfly", all, { cwd: swarm.folder, killAfterMs: 10_000 }).ended;
}

test("unknown flags, keys and units are refused by name, with what was meant", async () => {
  refused(await swarm.first.get("--outptu", "x", origin.url()), 2, /--outptu/, /--output/);
  const file = join(swarm.folder, "typo.yaml");
  await writeFile(file, "uplod-limit: 5MB/s\n");
  const end = { cwd: swarm.folder, killAfterMs: 10_000 };
  const typo = new Program("dfdaemon", ["--config", file], end);
  refused(await typo.ended, 2, /typo\.yaml/, /uplod-limit/, /upload-limit/);
  const unit = new Program("dfdaemon", ["--upload-limit", "5parsecs"], end);
  refused(await unit.ended, 2, /--upload-limit/, /5parsecs/, /MB\/s|20M/);
});

test("an unreachable supernode: the origin serves, and that is said; with --notbs there is no source", async () => {
  const found = await lonely.first.get(origin.url("/lonely"), "-o", "lonely");
  succeeded(found);
  assert.match(found.stderr, /no supernode answers at .*: reading from the origin/);
  await whole(lonely.first, "lonely");
  refused(
    await lonely.first.get(origin.url("/none"), "-o", "none", "--notbs"),
    7,
    /no supernode answers at/,
    /forbidden/,
  );
});

test("404 and 401 end it with the status, and 401 says how to pass credentials", async () => {
  origin.answer = { status: 404 };
  refused(await swarm.first.get(origin.url("/404"), "-o", "file"), 3, /404/);
  origin.answer = { content, requires: ["authorization", "Bearer x"] };
  refused(await swarm.first.get(origin.url("/401"), "-o", "file"), 3, /401/, /-H 'Authorization/);
});

test("500 and then 200 is a success", async () => {
  const before = origin.requests.length;
  origin.script = (nth) => (nth === before ? { status: 500 } : undefined);
  succeeded(await swarm.first.get(origin.url("/500"), "-o", "500"));
  await whole(swarm.first, "500");
});

test("a connection cut at 70 % is taken up where it broke", async () => {
  for (const [host, name] of [
    [swarm.first, "cut"],
    [lonely.first, "cut alone"],
  ] as const) {
    const [requests, bytes] = [origin.requests.length, origin.sentBytes];
    let cut = false;
    origin.script = (_, { headers }) => {
      const [, first = "0"] = /bytes=(\d+)/.exec(headers.range ?? "") ?? [];
      if (cut || Number(first) === 0) return undefined;
      cut = true;
      return { cutAfterBytes: Math.trunc(content.length * 0.7) - Number(first) };
    };
    succeeded(await host.get(origin.url(`/${name.replace(" ", "-")}`), "-o", name));
    await whole(host, name);
    assert.ok(cut && origin.requests.length > requests);
    const ratio = (origin.sentBytes - bytes) / content.length;
    assert.ok(ratio <= 1.05, `the origin sent ${ratio} of the content`);
  }
});

test("another digest than asked for is 4, held or not", async () => {
  const wrong = `sha256:${"0".repeat(64)}`;
  for (const [host, path] of [
    [swarm.first, "/digest"],
    [swarm.first, "/digest"],
    [lonely.first, "/digest"],
  ] as const) {
    const flags = ["-o", "file", "-q", "--digest", wrong];
    refused(await host.get(origin.url(path), ...flags), 4, new RegExp(sha256(content)), /0{64}/);
  }
  refused(await swarm.first.get(origin.url("/digest"), "-o", "file", "-m", "1".repeat(32)), 4, /md5/);
});

test("the output's directory must be there, and its file must not", async () => {
  const before = origin.requests.length;
  refused(await swarm.first.get(origin.url(), "-o", "nowhere/file"), 2, /nowhere does not exist/);
  await writeFile(swarm.first.path("mine"), "precious");
  refused(await swarm.first.get(origin.url(), "-o", "mine"), 2, /mine is there already/, /--overwrite/);
  assert.equal(await readFile(swarm.first.path("mine"), "utf8"), "precious");
  assert.equal(origin.requests.length, before);
  succeeded(await swarm.first.get(origin.url("/mine"), "-o", "mine", "--overwrite"));
  await whole(swarm.first, "mine");
});

test("an origin that announces more or less than it sends is 4", async () => {
  for (const announcedLength of [content.length + 1000, content.length - 1000]) {
    origin.answer = { content, announcedLength, ranges: false };
    const url = origin.url(`/lie${announcedLength}`);
    const outcome = await swarm.first.get(url, "-o", "file", "-e", "30s");
    if (announcedLength > content.length) refused(outcome, 4, /breaks off|fewer/);
    else assert.notEqual(outcome.exit, "SIGKILL");
    if (outcome.exit === 0) kept.push("file");
  }
});

test("a port that is taken is named, and whose address it is", async () => {
  const port = new URL(origin.url()).port;
  const taken = `127.0.0.1:${port}`;
  refused(
    (await configured("supernode", "--listen", taken)) as never,
    2,
    new RegExp(taken),
    /in use/,
    /choose another/,
  );
  refused((await configured("daemon", "--listen", taken)) as never, 2, new RegExp(taken), /in use/, /choose another/);
  const data = await readdir(join(swarm.folder, "refused"));
  assert.equal(data.includes("lock"), false);
});

test("a socket or a data directory that another daemon has is refused, and the other goes on", async () => {
  const { socket, dataDir } = swarm.first;
  const listen = ["--listen", "127.0.0.1:0", "--proxy", "off"];
  const run = (...flags: readonly string[]) =>
    new Program("dfdaemon", [...listen, ...flags], { cwd: swarm.folder, killAfterMs: 10_000 }).ended;
  refused(await run("--socket", socket, "--data-dir", join(swarm.folder, "second")), 2, /already/, /--socket/);
  const second = join(swarm.folder, "second.sock");
  refused(await run("--socket", second, "--data-dir", dataDir), 2, /in use by process \d+/, /--data-dir/);
  assert.match(await swarm.first.ask("/healthz"), /ok/);
});

test("schemes that cannot be read are refused before anything is asked", async () => {
  refused(await swarm.first.get("ftp://127.0.0.1/file"), 2, /ftp:/, /http or https/);
  refused(await swarm.first.get("127.0.0.1/file"), 2, /not a URL/, /https?:\/\/127\.0\.0\.1\/file/);
});

test("user and password in a URL are used, and appear nowhere", async () => {
  const pair = "user:swordfish";
  const encoded = Buffer.from(pair).toString("base64");
  origin.answer = { content, requires: ["authorization", `Basic ${encoded}`] };
  const url = origin.url("/secret").replace("//", `//${pair}@`);
  const outcomes = [
    await swarm.first.get(url, "-o", "secret", "-v", "--json"),
    await swarm.first.get(url, "-o", "secret"),
    await lonely.first.get(url, "-o", "secret"),
  ];
  assert.deepEqual(
    outcomes.map(({ exit }) => exit),
    [0, 2, 0],
  );
  await whole(swarm.first, "secret");
  origin.answer = { content, requires: ["authorization", "Basic other"] };
  outcomes.push(await swarm.first.get(url.replace("secret", "secret2"), "-o", "file"));
  origin.answer = { content, cutAfterBytes: 0 };
  outcomes.push(await lonely.first.get(url.replace("secret", "secret3"), "-o", "file", "-e", "1s"));
  outcomes.push(await swarm.first.get(url.replace("http", "ftp")));
  const answers = await Promise.all([
    swarm.first.ask("/api/v1/tasks"),
    lonely.first.ask("/api/v1/tasks"),
    textOf(`${swarm.supernodeUrl}/api/v1/tasks`),
    textOf(`${swarm.supernodeUrl}/api/v1/hosts`),
  ]);
  const said = outcomes.map(({ stdout, stderr }) => `${stdout}${stderr}`);
  for (const text of [...said, ...answers, swarm.logs, lonely.logs]) {
    assert.doesNotMatch(text, new RegExp(`swordfish|${encoded}`));
  }
  for (const folder of [swarm.folder, lonely.folder]) await assertNowhere(folder, ["swordfish", encoded]);
});

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { headers: { connection: "close" } });
  return response.text();
}

async function assertNowhere(folder: string, secrets: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = (await readFile(path)).toString("latin1");
    for (const secret of secrets) assert.equal(text.includes(secret), false, `${secret} is in ${path}`);
  }
}

test("a directory in the way of the output is refused", async () => {
  await mkdir(swarm.first.path("folder/file.bin"), { recursive: true });
  kept.push("folder");
  refused(await swarm.first.get(origin.url("/file.bin"), "-o", "folder"), 2, /is a directory/);
});
