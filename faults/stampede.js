// Very many daemons at one supernode that is killed, and later stopped, while they ask: all are there again soon, each question is answered,
// the origin is not asked again for what was read, and memory is bounded.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startSupernode } from "../bench/cluster.js";
import { makeContent } from "../bench/content.js";
import { Crowd } from "../bench/crowd.js";
import { Origin } from "../bench/origin.js";
import { quantile } from "../bench/statistics.js";
import { Chance } from "./chance.js";

export const flags = { daemons: "5000", tasks: "1000", kib: "4", think: "10", work: "20", processes: "2" };

const script = fileURLToPath(new URL("daemon-crowd.js", import.meta.url));
const maxResidentBytes = 600e6;
/** All are to be there again, and each question to be answered, within this time. */
const patienceMs = 120_000;

export async function test(given, stage) {
  const [daemons, tasks] = [given.number("daemons"), given.number("tasks")];
  const chance = new Chance(given.number("seed"));
  const origin = await Origin.start(stage, stage.folder, undefined, { connectionMBps: 1000 });
  for (let nth = 0; nth < tasks; nth++) await makeContent(join(origin.root, `file-${nth}`), given.number("kib") << 10);
  const folder = join(stage.folder, "supernode");
  let supernode = await startSupernode(stage, { folder });
  const address = new URL(supernode.url).host;
  const crowds = [];
  const each = Math.ceil(daemons / given.number("processes"));
  const role = { url: supernode.url, origin: origin.url, tasks, thinkMs: given.number("think") * 1000 };
  for (let first = 0; first < daemons; first += each) {
    crowds.push(new Crowd(stage, script, { ...role, first, count: Math.min(each, daemons - first) }));
  }
  const all = (order) => Promise.all(crowds.map((crowd) => crowd.do(order)));
  const failures = [];
  const rows = [];
  /** Until all have joined; then they work, and what they saw is a row. */
  const turn = async (what, startedMs) => {
    while ((await all({ type: "up" })).reduce((sum, { up }) => sum + up, 0) < daemons) {
      if (performance.now() - startedMs > patienceMs) throw new Error(`not all daemons are there again (${what})`);
      await sleep(100);
    }
    const joinedMs = performance.now() - startedMs;
    if (rows.length === 0) await all({ type: "work" });
    await sleep(given.number("work") * 1000 + chance.between(0, 1000));
    const told = await all({ type: "tell" });
    const waits = told.flatMap((one) => one.waits);
    const peakBytes = await peakOf(supernode.process.pid);
    if (peakBytes > maxResidentBytes) failures.push(`the supernode grew to ${Math.round(peakBytes / 1e6)} MB`);
    failures.push(...told.flatMap((one) => one.failures));
    rows.push({
      supernode: what,
      "all there after s": joinedMs / 1000,
      "questions answered": waits.length,
      "p50 ms": quantile(waits, 0.5),
      "p99 ms": quantile(waits, 0.99),
      "max s": quantile(waits, 1) / 1000,
      "peak MB": peakBytes / 1e6,
      "origin requests": (await origin.requests()).filter(({ uri }) => uri !== "/").length,
    });
  };
  await turn("started", performance.now());
  for (const [what, signal] of [
    ["killed", "SIGKILL"],
    ["stopped", "SIGTERM"],
  ]) {
    supernode.process.kill(signal);
    await supernode.process.ended;
    await sleep(chance.between(500, 3000));
    supernode = await startSupernode(stage, { folder, address, log: `${what}.log` });
    await turn(what, performance.now());
  }
  await all({ type: "rest", patienceMs });
  const told = await all({ type: "tell" });
  const sum = (of) => told.reduce((total, one) => total + of(one), 0);
  if (sum(({ unanswered }) => unanswered) > 0)
    failures.push(`${sum((one) => one.unanswered)} questions without an answer`);
  const slowest = Math.max(...rows.map((row) => row["max s"]));
  if (slowest * 1000 > patienceMs) failures.push(`one question was answered after ${slowest.toFixed(1)} s`);
  const distinct = tasks * (given.number("kib") << 10);
  const copies = (await origin.requests()).reduce((total, { bytes }) => total + bytes, 0) / distinct;
  if (copies > 1.05) failures.push(`the origin sent ${copies.toFixed(3)} copies`);
  const end = { "channels lost": sum(({ losses }) => losses), "told to come again": sum((one) => one.refusals) };
  return {
    tables: [
      { title: `${daemons} daemons that ask for ${tasks} files, one every ${given.text("think")} s each`, rows },
      { title: "in all", rows: [{ ...end, "origin copies": copies }] },
    ],
    failures: failures.slice(0, 20),
  };
}

async function peakOf(pid) {
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
