// Hosts whose clock is wrong, as built programs: by five minutes nothing changes, and by more than certificates bear a line says why.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { succeeded } from "../testing/outcome.ts";
import { Program } from "../testing/program.ts";
import { makeShiftedClock, missingCompiler } from "../testing/shifted-clock.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(8_000_000, 3);
const minute = 60;
const hour = 60 * minute;
let folder: string;
let origin: TestOrigin;
let supernode: Program;
let token: string;
let shifted: ReturnType<typeof makeShiftedClock>;
const running: Program[] = [];

const at = (name: string): string => join(folder, name);
const dataDir = (): readonly string[] => ["--data-dir", at("supernode")];

before(async () => {
  if (missingCompiler) return;
  folder = await mkdtemp(join(tmpdir(), "clocks-"));
  shifted = makeShiftedClock(folder);
  origin = await TestOrigin.start({ content });
  supernode = start(["supernode", "--listen", "0.0.0.0:0", "--fetch-rule", "allow 127.0.0.0/8", ...dataDir()]);
  await supernode.said("stdout", /^supernode ready on https:/);
  const created = await start(["token", "create", ...dataDir()]).ended;
  succeeded(created);
  token = String(created.stdout).trim();
});
after(async () => {
  if (missingCompiler) return;
  for (const program of running.reverse()) await program.kill("SIGTERM");
  await origin.close();
  await rm(folder, { recursive: true });
});

function start(args: readonly string[], clock: Readonly<Record<string, string>> = {}): Program {
  const program = new Program("dragonfly", args, { cwd: folder, killAfterMs: 100_000, env: clock });
  running.push(program);
  return program;
}

/** A daemon whose clock is so many seconds ahead. */
function startDaemon(name: string, aheadSeconds: number, ...flags: readonly string[]): Program {
  const own = ["--proxy", "off", "--socket", at(`${name}.sock`), "--data-dir", at(name), "--listen", "0.0.0.0:0"];
  return start(["daemon", ...own, ...flags], shifted(aheadSeconds));
}

test("hosts five minutes ahead and behind join, and exchange with each other", { skip: missingCompiler }, async () => {
  const clocks = { behind: -5 * minute, right: 0, ahead: 5 * minute };
  const daemons = Object.entries(clocks).map(([name, seconds]) => startDaemon(name, seconds, "--token", token));
  for (const daemon of daemons) await daemon.said("stderr", /joined supernode/);
  const said = daemons.map(({ stderr }) => Date.parse(stderr.slice(0, 24)));
  assert.ok((said[2] ?? 0) - (said[0] ?? 0) > 9 * minute * 1000, "their clocks are that far apart");
  const gets = Object.keys(clocks).map((name) => {
    const args = [origin.url("/f.bin"), "-o", at(`${name}.bin`), "--socket", at(`${name}.sock`), "--json"];
    return new Program("dfget", args, { cwd: folder, killAfterMs: 100_000 }).ended;
  });
  let fromPeers = 0;
  for (const outcome of await Promise.all(gets)) {
    succeeded(outcome);
    fromPeers += JSON.parse(String(outcome.stdout)).from.peers;
  }
  for (const name of Object.keys(clocks)) assert.deepEqual(await readFile(at(`${name}.bin`)), Buffer.from(content));
  assert.equal(origin.sentBytes, content.length);
  assert.ok(fromPeers > 0);
});

test("a host that is two hours behind, or a certificate's life ahead, hears that its clock is wrong", {
  skip: missingCompiler,
}, async () => {
  for (const [name, seconds, why] of [
    ["late", -2 * hour, "not yet valid"],
    ["early", 25 * hour, "expired"],
  ] as const) {
    const { exit, stderr } = await startDaemon(name, seconds, "--token", token).ended;
    assert.notEqual(exit, 0);
    assert.match(stderr, new RegExp(`${why}.*this machine's clock says \\d{4}-.*compare it`), name);
  }
});

test("a host more than half a certificate's life ahead is told so, and takes part", {
  skip: missingCompiler,
}, async () => {
  const daemon = startDaemon("dawn", 13 * hour, "--token", token);
  await daemon.said("stderr", /certificate past its half when it came.*this machine's clock says/);
  const args = [origin.url("/f.bin"), "-o", at("dawn.bin"), "--socket", at("dawn.sock")];
  succeeded(await new Program("dfget", args, { cwd: folder, killAfterMs: 100_000 }).ended);
  assert.deepEqual(await readFile(at("dawn.bin")), Buffer.from(content));
});

test("a host that has joined and whose clock goes wrong says so, and comes back when it is right", {
  skip: missingCompiler,
}, async () => {
  const [seconds, ...flags] = [-2 * hour, "--token", token] as const;
  const first = startDaemon("wrong", 0, ...flags);
  await first.said("stderr", /joined supernode/);
  await first.kill("SIGTERM");
  const second = startDaemon("wrong", seconds);
  await second.said("stderr", /supernode unreachable.*not yet valid.*this machine's clock says/);
  await second.kill("SIGTERM");
  await startDaemon("wrong", 0).said("stderr", /joined supernode/);
});
