// One supernode process and very many hosts, of which only the control channel is real: registrations a second, how long a thousand at
// once wait, and the memory that a host and a peer take.

import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startSupernode } from "./cluster.js";
import { Crowd } from "./crowd.js";
import { cpuBetween, cpuOf, residentBytes } from "./process-cost.js";
import { median, quantile } from "./statistics.js";

export const flags = { hosts: "10000", tasks: "1000", rounds: "10", bursts: "5", processes: "2" };

const script = fileURLToPath(new URL("control-crowd.js", import.meta.url));
const mostAtOnce = 1000;
const contentBytes = 1024;
const settleMs = 2000;

/** @type {import("./report.js").Measure} */
export async function measure(given, stage) {
  const [hosts, tasks] = [given.number("hosts"), given.number("tasks")];
  const origin = await tinyOrigin(stage);
  const place = { folder: join(stage.folder, "supernode"), flags: ["--freshness", "1h", "--log-level", "warn"] };
  const { url, process: supernode } = await startSupernode(stage, place);
  const crowds = [];
  const each = Math.ceil(hosts / given.number("processes"));
  for (let first = 0; first < hosts; first += each) {
    crowds.push(new Crowd(stage, script, { url, origin, tasks, first, count: Math.min(each, hosts - first) }));
  }
  const all = (order) => Promise.all(crowds.map((crowd) => crowd.do(order)));

  // The first of everything brings code and tables to life; it counts for nobody.
  await crowds[0]?.do({ type: "connect", count: 100 });
  await crowds[0]?.do({ type: "prepare", round: 0, count: Math.min(100, tasks) });
  await crowds[0]?.do({ type: "register", count: Math.min(100, tasks) });
  await rest();
  const emptyBytes = residentBytes(supernode.pid);
  const joining = await clocked(supernode, () => all({ type: "connect" }));
  await rest();
  const joinedBytes = residentBytes(supernode.pid);
  const opening = await clocked(supernode, () => all({ type: "open-tasks" }));
  await rest();
  const openedBytes = residentBytes(supernode.pid);

  const rounds = [];
  const peakRounds = given.number("rounds");
  for (let round = 1; round <= peakRounds; round++) {
    await all({ type: "prepare", round });
    rounds.push(await clocked(supernode, () => all({ type: "register" })));
  }
  await rest();
  const peeredBytes = residentBytes(supernode.pid);
  const p99s = [];
  const burst = Math.min(mostAtOnce, hosts);
  for (let nth = 1; nth <= given.number("bursts"); nth++) {
    const count = Math.ceil(burst / crowds.length);
    await all({ type: "prepare", round: peakRounds + nth, count });
    const answers = await all({ type: "burst", count });
    p99s.push(
      quantile(
        answers.flatMap(({ waits }) => waits),
        0.99,
      ),
    );
  }
  const rates = rounds.map(({ seconds }) => hosts / seconds);
  const cpus = rounds.map(({ cpu }) => hosts / (cpu.user + cpu.system));
  const rows = [
    { what: "hosts joining a second", value: hosts / joining.seconds, target: "" },
    { what: "tasks opened a second (probe, read, sign)", value: tasks / opening.seconds, target: "" },
    { what: "registrations a second", value: median(rates), target: "at least 5,000" },
    { what: "registrations a CPU second", value: median(cpus), target: "" },
    { what: `p99 of ${burst} at once, ms`, value: median(p99s), target: "at most 50" },
    { what: "memory a host, bytes", value: (joinedBytes - emptyBytes) / hosts, target: "at most 20,000" },
    { what: "memory a task, bytes", value: (openedBytes - joinedBytes) / tasks, target: "" },
    {
      what: "memory a peer, bytes",
      value: (peeredBytes - openedBytes) / (hosts * peakRounds),
      target: "at most 1,000",
    },
    { what: "resident in the end, MB", value: residentBytes(supernode.pid) / 1e6, target: "" },
  ];
  const answered = await all({ type: "count" });
  const refused = answered.reduce((sum, answer) => sum + answer.refused, 0);
  return {
    tables: [
      { title: `${hosts} hosts, ${tasks} tasks, medians of ${rounds.length} rounds and ${p99s.length} bursts`, rows },
    ],
    failures: refused === 0 ? [] : [`${refused} registrations were refused`],
  };
}

async function clocked(running, work) {
  const [cpuBefore, startedMs] = [cpuOf(running.pid), performance.now()];
  await work();
  return { seconds: (performance.now() - startedMs) / 1000, cpu: cpuBetween(cpuBefore, cpuOf(running.pid)) };
}

/** Long enough for what was begun to end and for the memory to show it. */
function rest() {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}

/** Answers everything at once: what is measured is the supernode. */
async function tinyOrigin(stage) {
  const content = Buffer.alloc(contentBytes, 7);
  const server = createServer((request, response) => {
    const headers = { etag: `"${request.url}"`, "accept-ranges": "bytes", "content-length": contentBytes };
    if (request.headers.range === undefined) response.writeHead(200, headers).end(content);
    else
      response
        .writeHead(206, { ...headers, "content-range": `bytes 0-${contentBytes - 1}/${contentBytes}` })
        .end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  stage.onClose(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}
