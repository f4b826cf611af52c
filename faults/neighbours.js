// One neighbour that sends wrong bytes, stalls, claims what it lacks or crawls: the others' downloads hardly notice, and the supernode
// isolates it where its fault is proven; the one that does not answer is lost to it.

import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { open, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { digestOf, makeContent } from "../bench/content.js";
import { median, quantile } from "../bench/statistics.js";
import { Fleet } from "./fleet.js";

export const flags = { daemons: "12", mbit: "50", mib: "48", with: "wrong,lacking,stopped,slow", runs: "1" };

const run = promisify(execFile);
/** A link of this share is no use to anybody. */
const slowShare = 0.01;

/** What is done to the bad one; `during` while the others download. */
const faults = {
  wrong: { before: (place) => rewrite(place, overwrite), proven: true },
  lacking: { before: (place) => rewrite(place, empty), proven: true },
  stopped: {
    during: ({ bad }) => bad.process.kill("SIGSTOP"),
    after: ({ bad }) => bad.process.kill("SIGCONT"),
    proven: false,
  },
  slow: { before: ({ bad, mbit }) => bad.host.limit(mbit * slowShare), proven: false },
};

export async function test(given, stage) {
  const failures = [];
  const rows = [];
  for (let run = 1; run <= given.number("runs"); run++) {
    let usual;
    for (const neighbour of ["good", ...given.words("with")]) {
      const fault = faults[neighbour];
      const { row, failures: own, outAfter } = await download(given, stage, fault);
      usual ??= row["p50 s"];
      failures.push(...own.map((failure) => `${neighbour}: ${failure}`));
      if (fault?.proven && outAfter === undefined) failures.push(`${neighbour}: it was not isolated`);
      rows.push({
        run,
        neighbour,
        ...row,
        "p50 of good": row["p50 s"] / usual,
        "out after s": outAfter ?? "",
      });
    }
  }
  const medians = given.words("with").map((neighbour) => {
    const own = rows.filter((row) => row.neighbour === neighbour);
    return { neighbour, "p50 of good": median(own.map((row) => row["p50 of good"])) };
  });
  return {
    tables: [
      { title: "eleven downloads with one bad neighbour", rows },
      { title: "medians; target: at most 1.1 of the same run's downloads without", rows: medians },
    ],
    failures,
  };
}

async function download(given, stage, fault) {
  const folder = await stage.roomy(4e9);
  const mbit = given.number("mbit");
  const fleet = await Fleet.start(stage, { folder, daemons: given.number("daemons"), supernodes: 1, mbit });
  const [bad, ...others] = fleet.hosts;
  const [seed] = fleet.seeds;
  const digest = await makeContent(join(fleet.origin.root, "file"), given.number("mib") << 20);
  const url = `${fleet.origin.url}/file`;
  await bad.running.fetch(url, join(folder, bad.name, "file"));
  const place = { bad, mbit, pieces: await piecesOf(join(folder, bad.name, "data", "versions")) };
  await fault?.before?.(place);
  const startedMs = performance.now();
  let outAfter;
  let going = true;
  const watch = async () => {
    while (going && outAfter === undefined) {
      if (await isOut(seed, bad.host.address)) outAfter = (performance.now() - startedMs) / 1000;
      await pause(100);
    }
  };
  const watching = watch();
  const failures = [];
  const gets = others.map(async (host) => {
    const output = join(folder, host.name, "file");
    const getting = host.running.get(url, output);
    const { code, endedMs } = await getting.ended;
    if (code !== 0) failures.push(`${host.name}: exit ${code}: ${getting.lastWords}`);
    else if ((await digestOf(output)) !== digest) failures.push(`${host.name}: wrong bytes`);
    return (endedMs - getting.startedMs) / 1000;
  });
  await pause(1000);
  await fault?.during?.(place);
  const seconds = await Promise.all(gets);
  await fault?.after?.(place);
  going = false;
  await watching;
  await fleet.stop();
  await rm(folder, { recursive: true, force: true });
  return { row: { "p50 s": quantile(seconds, 0.5), "max s": quantile(seconds, 1) }, failures, outAfter };
}

async function piecesOf(versions) {
  const [version = ""] = await readdir(versions);
  return join(versions, version, "pieces");
}

/** Changes what it holds without a trace that its owner could see. */
async function rewrite({ pieces }, change) {
  const mark = `${pieces}.mark`;
  await run("touch", ["-r", pieces, mark]);
  await change(pieces);
  await run("touch", ["-r", mark, pieces]);
  await rm(mark);
}

async function overwrite(path) {
  const { size } = await stat(path);
  const file = await open(path, "r+");
  const block = Buffer.alloc(1 << 20);
  for (let at = 0; at < size; at += block.length) {
    await file.write(randomFillSync(block), 0, Math.min(block.length, size - at), at);
  }
  await file.close();
}

/** As long as it was, and nothing in it. */
async function empty(path) {
  const { size } = await stat(path);
  await truncate(path, 0);
  await truncate(path, size);
}

/** Isolated, or lost: nobody is sent to it any more. */
function isOut(seed, address) {
  return new Promise((resolve) => {
    const network = seed.host.network;
    execFile("ip", ["netns", "exec", network, "curl", "-s", `${seed.running.url}/api/v1/hosts`], (error, stdout) => {
      if (error !== null) return resolve(false);
      const { hosts = [] } = JSON.parse(stdout);
      const host = hosts.find((host) => host.address?.startsWith(`${address}:`));
      resolve(host === undefined || host.isolated);
    });
  });
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
