// dfget with a daemon that has no supernode, and what scripts rely on: standard output, JSON, time limits.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jsonOf, refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(20 * 2 ** 20 + 5, 15);
let swarm: ProcessSwarm;
let origin: TestOrigin;

before(async () => {
  [origin, swarm] = await Promise.all([TestOrigin.start({ content }), ProcessSwarm.start({ supernode: false })]);
});
after(() => Promise.all([swarm.close(), origin.close()]));

test("without a supernode the origin is read, in parts at once, and that is said", async () => {
  origin.mostServing = 0;
  // Slow enough that one answer is not over when the next is asked for.
  origin.answer = { content, rateBytesPerSecond: 16 * 2 ** 20 };
  const outcome = await swarm.first.get(origin.url("/alone"), "-o", "file");
  origin.answer = { content };
  succeeded(outcome);
  assert.match(
    outcome.stderr,
    /^dfget: no supernode is configured: reading from the origin alone\n20\.0 MiB in .*: 0% from 0 peers, 0% from the supernode, 100% from the origin\n$/,
  );
  assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
  assert.ok(origin.mostServing > 1);
  assert.equal(origin.sentBytes, content.length);
});

test("-o - gives a pipe exactly the bytes, in order", async () => {
  const outcome = await swarm.first.get(origin.url("/pipe"), "-o", "-", "-q");
  succeeded(outcome);
  assert.equal(sha256(outcome.stdout), sha256(content));
  assert.equal(outcome.stderr, "");
});

test("--json prints one object, of success and of failure", async () => {
  const done = await swarm.first.get(origin.url("/json"), "-o", "json", "--json", "-q");
  succeeded(done);
  const { elapsedMs, taskId, ...result } = jsonOf(done);
  assert.ok(Number.isInteger(elapsedMs));
  assert.match(String(taskId), /^[0-9a-f]{64}$/);
  assert.deepEqual(result, {
    status: "done",
    url: origin.url("/json"),
    output: "json",
    bytes: content.length,
    digest: `sha256:${sha256(content)}`,
    reused: false,
    from: { peers: 0, supernode: 0, origin: content.length },
  });
  origin.answer = { status: 403 };
  const failed = await swarm.first.get(origin.url("/403"), "--json", "-o", "403");
  origin.answer = { content };
  refused(failed, 3, /403/);
  const { error, status } = jsonOf(failed) as {
    error: { code: string; blame: string; message: string };
    status: string;
  };
  assert.deepEqual([status, error.code, error.blame], ["failed", "origin-refused", "origin"]);
  assert.match(error.message, /403/);
});

test("a time limit ends it with 6 and without a file, in a body as in an answer that never comes", async () => {
  for (const [path, stallAfterBytes] of [
    ["/never", -1],
    ["/stalled", 1_000_000],
  ] as const) {
    origin.answer = { content, stallAfterBytes };
    refused(await swarm.first.get(origin.url(path), "-o", "late", "-q", "-e", "1s"), 6, /\b1(\.0)? ?s/);
    assert.equal((await swarm.first.files()).includes("late"), false);
  }
  origin.answer = { content };
});
