// Processes that die or are stopped in the middle: what was verified is not fetched again, and no half of a file is left.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { type ProcessHost, ProcessSwarm } from "../testing/process-swarm.ts";
import type { Program } from "../testing/program.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const MIB = 2 ** 20;
const content = testContent(10 * MIB, 12);
let origin: TestOrigin;

before(async () => {
  origin = await TestOrigin.start({ content });
});
after(() => origin.close());

/** Resolves when the host has this much of its only content. */
async function untilHeld(host: ProcessHost, path: string, bytes: number): Promise<void> {
  for (;;) {
    const { tasks }: { tasks: { url: string; heldPieces: number; pieceLength: number }[] } = JSON.parse(
      await host.ask("/api/v1/tasks"),
    );
    const task = tasks.find(({ url }) => url.endsWith(path));
    if (task !== undefined && task.heldPieces * task.pieceLength >= bytes) return;
  }
}

/** Bytes that the daemon took in for the download that ended last. */
function fetched(daemon: Program): number {
  const [, json = ""] = /download complete .*from=(\{.*?\})/.exec(daemon.stderr) ?? [];
  const { peers, supernode, origin: own } = JSON.parse(json);
  return peers + supernode + own;
}

describe("interrupted", { concurrency: 2 }, () => {
  for (const [where, options] of [
    ["in a cluster", { supernode: true }],
    ["on its own", { supernode: false }],
  ] as const) {
    test(`a daemon ${where} that was killed beyond half way goes on where it was`, async () => {
      const swarm = await ProcessSwarm.start({ ...options, daemonFlags: ["--download-limit", "8MiB/s"] });
      try {
        const path = `/${where.replaceAll(" ", "-")}`;
        const running = swarm.first.begin(origin.url(path), "-o", "file", "-q");
        await untilHeld(swarm.first, path, 6 * MIB);
        await swarm.first.daemon?.kill("SIGKILL");
        const broken = await running.ended;
        refused(broken, 1, /the daemon at .* it went away; the same command again goes on/);
        assert.deepEqual(await swarm.first.files(), []);

        const again = await swarm.first.start();
        succeeded(await swarm.first.get(origin.url(path), "-o", "file"));
        assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
        const part = fetched(again) / content.length;
        assert.ok(part < 0.6, `${part} of it was fetched again`);
      } finally {
        await swarm.close();
      }
    });
  }

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    test(`a dfget whose daemon is restarted after ${signal} goes on with the new one`, async () => {
      const swarm = await ProcessSwarm.start({ daemonFlags: ["--download-limit", "8MiB/s"] });
      try {
        const path = `/restarted-${signal}`;
        const running = swarm.first.begin(origin.url(path), "-o", "file");
        await untilHeld(swarm.first, path, 4 * MIB);
        await swarm.first.daemon?.kill(signal);
        const again = await swarm.first.start();
        const outcome = await running.ended;
        succeeded(outcome);
        assert.match(outcome.stderr, /the daemon was restarted: going on/);
        assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
        assert.ok(fetched(again) / content.length < 0.8);
      } finally {
        await swarm.close();
      }
    });
  }

  test("a daemon that dfget started leaves for the one that is there to stay, and its dfget goes on", async () => {
    const swarm = await ProcessSwarm.start({ daemonFlags: ["--download-limit", "4MiB/s"] });
    try {
      await swarm.first.daemon?.kill("SIGKILL");
      const slow = await TestOrigin.start({ content, rateBytesPerSecond: MIB / 2 });
      const running = swarm.first.begin(slow.url("/stand-in"), "-o", "file");
      await running.said("stderr", /started one at/);
      await swarm.first.start();
      slow.answer = { content };
      const outcome = await running.ended;
      await slow.close();
      succeeded(outcome);
      assert.match(outcome.stderr, /the daemon was restarted: going on/);
      assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
    } finally {
      await swarm.close();
    }
  });

  test("a dfget that is interrupted leaves with 8 and without a file, and its pieces are kept", async () => {
    const swarm = await ProcessSwarm.start({ daemonFlags: ["--download-limit", "8MiB/s"] });
    try {
      const running = swarm.first.begin(origin.url("/interrupted"), "-o", "file");
      await untilHeld(swarm.first, "/interrupted", 6 * MIB);
      refused(await running.kill("SIGINT"), 8, /interrupted/);
      assert.deepEqual(await swarm.first.files(), []);
      succeeded(await swarm.first.get(origin.url("/interrupted"), "-o", "file"));
      assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
      const { daemon } = swarm.first;
      assert.ok(daemon !== undefined && fetched(daemon) / content.length < 0.6);
    } finally {
      await swarm.close();
    }
  });

  test("nobody's download goes on: where dfget leaves before the origin has answered, the daemon ends it", async () => {
    const slow = await TestOrigin.start({ content, delayMs: 700, rateBytesPerSecond: 4 * MIB });
    const swarm = await ProcessSwarm.start({ supernode: false });
    try {
      const running = swarm.first.begin(slow.url("/slow"), "-o", "file", "-q", "-e", "300ms");
      refused(await running.ended, 6, /300 ?ms|0\.3 ?s/);
      const ended = await swarm.first.daemon?.said("stderr", /download (ended|complete)/);
      assert.equal(ended?.[1], "ended");
      assert.deepEqual(await swarm.first.files(), []);
    } finally {
      await Promise.all([swarm.close(), slow.close()]);
    }
  });
});
