// Servers leave when they are told to: at once, in order, and without a trace.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { programFile } from "../local/program-file.ts";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const content = testContent(16 * 2 ** 20, 16);
let origin: TestOrigin;

before(async () => {
  origin = await TestOrigin.start({ content, rateBytesPerSecond: 4 * 2 ** 20 });
});
after(() => origin.close());

describe("leaving", { concurrency: 2 }, () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} ends an idle supernode and an idle daemon with 0, and no socket or lock stays`, async () => {
      const swarm = await ProcessSwarm.start();
      try {
        const { first, supernode } = swarm;
        assert.ok(first.daemon !== undefined && supernode !== undefined);
        assert.equal((await first.daemon.kill(signal)).exit, 0);
        assert.equal((await supernode.kill(signal)).exit, 0);
        await assert.rejects(access(first.socket));
        assert.equal((await readdir(first.dataDir)).includes("lock"), false);
        assert.equal((await readdir(join(swarm.folder, "supernode"))).includes("lock"), false);
        assert.equal(supernode.stdout.toString(), `supernode ready on ${swarm.supernodeUrl}\n`);
        assert.match(
          first.daemon.stdout.toString(),
          /^daemon ready: pieces http:\/\/127\.0\.0\.1:\d+, proxy off, socket \S+\n$/,
        );
      } finally {
        await swarm.close();
      }
    });

    test(`${signal} ends a daemon in the middle of a download, whose dfget says so and leaves no file`, async () => {
      const swarm = await ProcessSwarm.start();
      try {
        const { first } = swarm;
        const running = first.begin(origin.url(`/${signal}`), "-o", "file", "-v");
        await running.said("stderr", /version [0-9a-f]{64}/);
        assert.equal((await first.daemon?.kill(signal))?.exit, 0);
        const outcome = await running.ended;
        assert.equal(outcome.exit, 8);
        assert.match(outcome.stderr, /the daemon is stopping\n$/);
        assert.deepEqual(await first.files(), []);
        await assert.rejects(access(first.socket));
      } finally {
        await swarm.close();
      }
    });
  }

  test("a supernode that leaves in the middle of a download: the host reads the rest from the origin", async () => {
    const swarm = await ProcessSwarm.start();
    try {
      const running = swarm.first.begin(origin.url("/left"), "-o", "file", "-v");
      await running.said("stderr", /version [0-9a-f]{64}/);
      assert.equal((await swarm.supernode?.kill("SIGTERM"))?.exit, 0);
      succeeded(await running.ended);
      assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
    } finally {
      await swarm.close();
    }
  });

  test("with the origin forbidden, one that is started again in the middle goes on with the download", async () => {
    const swarm = await ProcessSwarm.start();
    try {
      const running = swarm.first.begin(origin.url("/again"), "-o", "file", "--notbs");
      await swarm.first.daemon?.said("stderr", /download started/);
      await swarm.supernode?.kill("SIGKILL");
      await swarm.first.daemon?.said("stderr", /lost supernode/);
      // Longer than it takes until the origin would be asked.
      await sleep(5000);
      await swarm.supernodes[0]?.start();
      succeeded(await running.ended);
      assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
    } finally {
      await swarm.close();
    }
  });

  test("with the origin forbidden, a supernode that leaves in the middle for good is 7", async () => {
    const swarm = await ProcessSwarm.start();
    try {
      const running = swarm.first.begin(origin.url("/gone"), "-o", "file", "--notbs");
      await swarm.first.daemon?.said("stderr", /download started/);
      await swarm.supernode?.kill("SIGKILL");
      refused(await running.ended, 7, /forbidden/);
      assert.deepEqual(await swarm.first.files(), []);
    } finally {
      await swarm.close();
    }
  });
});

test("whoever stops reading what a command prints makes it neither fail nor complain", async () => {
  const child = spawn(process.execPath, [programFile(), "simulate", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let complaint = "";
  child.stderr.on("data", (bytes: Buffer) => {
    complaint += bytes;
  });
  const [exit] = await once(child, "close");
  assert.deepEqual([exit, complaint], [0, ""]);
});
