import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Outcome, Program } from "../testing/program.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "ca-"));
});
after(() => rm(directory, { recursive: true }));

const dataDir = (): string => join(directory, "data dir");
const ca = (...args: readonly string[]): Promise<Outcome> =>
  new Program("dragonfly", ["ca", ...args, "--data-dir", dataDir()], { cwd: directory }).ended;

test("it is made for the hosts that are listed, shown without its key, and told how to be trusted", async () => {
  const none = await ca("show");
  assert.equal(none.exit, 1);
  assert.match(none.stderr, /^dragonfly ca: there is no authority in .*: make it with dragonfly ca create\n$/);
  const hostless = await ca("create");
  assert.equal(hostless.exit, 2);
  assert.match(hostless.stderr, /name each with --intercept HOST\n$/);

  const made = await ca("create", "--intercept", "files.test", "--intercept", "*.below.test");
  const path = join(dataDir(), "ca", "cert.pem");
  assert.equal(made.exit, 0);
  assert.match(
    String(made.stdout),
    /^certificate (.+)\nmay vouch for files\.test, below\.test, and names below them\n/,
  );
  const pem = await readFile(path, "utf8");
  const shown = await ca();
  assert.equal(String(shown.stdout), pem);
  const json = JSON.parse(String((await ca("show", "--json")).stdout));
  assert.deepEqual([json.path, json.hosts, json.pem], [path, ["files.test", "below.test"], pem]);
  const trust = String((await ca("trust")).stdout);
  assert.ok(trust.includes(`cp '${path}' /usr/local/share/ca-certificates/dragonfly.crt && update-ca-certificates\n`));
  const key = await readFile(join(dataDir(), "ca", "key.pem"), "utf8");
  const secret = key.split("\n")[1] ?? "";
  for (const { stdout, stderr } of [made, shown]) assert.ok(!`${stdout}${stderr}`.includes(secret));
});

test("made again it is the same, for other hosts another only when that is said", async () => {
  const config = join(directory, "daemon.yaml");
  await writeFile(config, "intercept: [files.test]\nlisten: 127.0.0.1:0\n");
  const before = String((await ca("show")).stdout);
  assert.equal((await ca("create", "--config", config)).exit, 0);
  assert.equal(String((await ca("show")).stdout), before);
  const other = await ca("create", "--intercept", "other.test");
  assert.equal(other.exit, 2);
  assert.match(other.stderr, /may not vouch for other\.test: make another with --replace/);
  assert.equal(String((await ca("show")).stdout), before);
  assert.equal((await ca("create", "--intercept", "other.test", "--replace")).exit, 0);
  assert.notEqual(String((await ca("show")).stdout), before);
});

test("what it does not know it refuses", async () => {
  for (const [args, says] of [
    [["sign"], /unknown action "sign": say one of create, show, trust/],
    [["show", "--replace"], /--replace goes with create/],
    [["create", "--intercept", "*"], /no host that can be listed/],
  ] as const) {
    const { exit, stderr } = await ca(...args);
    assert.equal(exit, 2);
    assert.match(stderr, says);
  }
});
