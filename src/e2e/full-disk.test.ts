// Disks that are full: the output's, the daemon's and the supernode's.

import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { refused, sha256, sha256OfFile, succeeded } from "../testing/outcome.ts";
import { ProcessSwarm } from "../testing/process-swarm.ts";
import { Program } from "../testing/program.ts";
import { missingSmallDisk, onSmallDisk, servingOnSmallDisk } from "../testing/small-disk.ts";
import { TestOrigin, testContent } from "../testing/test-origin.ts";

const MIB = 2 ** 20;
const content = testContent(8 * MIB, 14);
const skip = missingSmallDisk();
let origin: TestOrigin;

before(async () => {
  origin = await TestOrigin.start({ content });
});
after(() => origin.close());

describe("full", { concurrency: 3 }, () => {
  test("an output that does not fit its disk is 5, and no part of it stays", { skip }, async () => {
    const swarm = await ProcessSwarm.start();
    try {
      const small = swarm.first.path("small");
      await mkdir(small);
      const args = [origin.url("/output"), "-o", `${small}/file`, "--socket", swarm.first.socket];
      const dfget = new Program("dfget", args, { cwd: swarm.folder, under: onSmallDisk(small, 4) });
      const outcome = await dfget.ended;
      refused(outcome, 5, /small\/file: no space left/);
      assert.equal(outcome.stdout.toString(), "");
      succeeded(await swarm.first.get(origin.url("/output"), "-o", "file"));
      assert.equal(await sha256OfFile(swarm.first.path("file")), sha256(content));
    } finally {
      await swarm.close();
    }
  });

  for (const [whose, supernode, answer] of [
    ["known", true, {}],
    ["unknown", true, { chunked: true, ranges: false }],
    ["unknown", false, { chunked: true, ranges: false }],
  ] as const) {
    const where = supernode ? "in a cluster" : "on its own";
    test(`content of ${whose} length that does not fit the disk of a daemon ${where} is 5`, { skip }, async () => {
      const large = await TestOrigin.start({ content, ...answer });
      const swarm = await ProcessSwarm.start({ supernode });
      const { first } = swarm;
      try {
        await first.daemon?.kill("SIGTERM");
        await first.start(servingOnSmallDisk(first.dataDir, 4));
        refused(await first.get(large.url(`/${whose}`), "-o", "file", "-q"), 5, /space/, /host1\/data/);
        assert.deepEqual(await first.files(), []);
        // It goes on with what does fit.
        large.answer = { content: content.subarray(0, MIB) };
        succeeded(await first.get(large.url("/small"), "-o", "file"));
        assert.equal(await sha256OfFile(first.path("file")), sha256(content.subarray(0, MIB)));
      } finally {
        await Promise.all([swarm.close(), large.close()]);
      }
    });
  }

  test("a disk that another program fills up meanwhile is 5, spoils nothing, and serves again when there is room", {
    skip,
  }, async () => {
    const large = testContent(40 * MIB, 15);
    const busy = await TestOrigin.start({ content: large });
    const swarm = await ProcessSwarm.start();
    const { first } = swarm;
    try {
      await first.daemon?.kill("SIGTERM");
      const daemon = await first.start(servingOnSmallDisk(first.dataDir, 64));
      succeeded(await first.get(origin.url("/held"), "-o", "held"));
      const filler = `/proc/${daemon.pid}/root${first.dataDir}/filler`;
      busy.script = (nth) => {
        // When some of it is read.
        if (nth === 5) fillUp(filler, 64);
        return undefined;
      };
      refused(await first.get(busy.url(), "-o", "file", "-q"), 5, /space/, /host1\/data/);
      await rm(filler);
      succeeded(await first.get(origin.url("/held"), "-o", "again"));
      assert.equal(await sha256OfFile(first.path("again")), sha256(content));
      succeeded(await first.get(busy.url(), "-o", "file"));
      assert.equal(await sha256OfFile(first.path("file")), sha256(large));
      assert.equal(daemon.running, true);
    } finally {
      await Promise.all([swarm.close(), busy.close()]);
    }
  });

  for (const supernode of [true, false]) {
    const where = supernode ? "in a cluster" : "on its own";
    test(`what turns out not to fit takes no room from a download that does, of a daemon ${where}`, {
      skip,
    }, async () => {
      const endless = await TestOrigin.start({ content: testContent(40 * MIB, 16), chunked: true, ranges: false });
      let passed: () => void = () => {};
      const hold = new Promise<void>((resolve) => {
        passed = resolve;
      });
      // Its first answer tells the length; the rest waits.
      const fitting = await TestOrigin.start({
        content,
        script: (nth) => (nth === 0 ? { cutAfterBytes: MIB } : { hold }),
      });
      const swarm = await ProcessSwarm.start({ supernode });
      const { first } = swarm;
      try {
        await first.daemon?.kill("SIGTERM");
        const daemon = await first.start(servingOnSmallDisk(first.dataDir, 24));
        const getting = first.begin(fitting.url("/fits"), "-o", "fits");
        await daemon.said("stderr", /download started.*\/fits/);
        refused(await first.get(endless.url(), "-o", "file", "-q"), 5, /space/, /host1\/data/);
        passed();
        succeeded(await getting.ended);
        assert.equal(await sha256OfFile(first.path("fits")), sha256(content));
      } finally {
        await Promise.all([swarm.close(), endless.close(), fitting.close()]);
      }
    });
  }

  test("a quota that holds one file at a time lets one follow another, on the host and at the supernode", async () => {
    const quota = ["--quota", "12MiB"];
    const swarm = await ProcessSwarm.start({ supernodeFlags: quota, daemonFlags: quota });
    try {
      for (const name of ["one", "two"]) {
        succeeded(await swarm.first.get(origin.url(`/${name}`), "-o", name));
        assert.equal(await sha256OfFile(swarm.first.path(name)), sha256(content));
      }
    } finally {
      await swarm.close();
    }
  });
});

/** Writes to the file until its disk is full, or so many MiB. */
function fillUp(path: string, mib: number): void {
  const file = openSync(path, "w");
  const block = Buffer.alloc(MIB);
  try {
    for (let nth = 0; nth < mib; nth++) writeSync(file, block);
  } catch {
    // It is full.
  } finally {
    closeSync(file);
  }
}
