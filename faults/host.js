// A host with other work: its limits hold over all tasks together, and its uploads give way to another program that takes the link, and come
// back when it is over.

import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { makeContent } from "../bench/content.js";
import { Fleet } from "./fleet.js";

export const flags = { mbit: "80", mib: "300", limit: "8", files: "8", each: "8", noise: "12" };

export async function test(given, stage) {
  const failures = [];
  const limits = await measureLimits(given, stage, failures);
  const way = await measureGivingWay(given, stage, failures);
  return {
    tables: [
      { title: "rates under a limit, all tasks together", rows: limits },
      { title: "uploads of a host whose link another program takes", rows: [way] },
    ],
    failures,
  };
}

async function measureLimits(given, stage, failures) {
  const limit = given.number("limit") * 1e6;
  const folder = await stage.roomy(4e9);
  const flags = ["--download-limit", `${limit}B/s`, "--upload-limit", `${limit}B/s`];
  const fleet = await Fleet.start(stage, { folder, daemons: 4, supernodes: 1, mbit: 1000, flags });
  const [holder, ...others] = fleet.hosts;
  const bytes = given.number("each") << 20;
  const names = Array.from({ length: given.number("files") }, (_, nth) => `file-${nth}`);
  for (const name of names) await makeContent(join(fleet.origin.root, name), bytes);
  const getAll = (host) =>
    Promise.all(
      names.map(
        (name) => host.running.get(`${fleet.origin.url}/${name}`, join(folder, host.name, name), `${name}.log`).ended,
      ),
    );
  const download = await steadyRate(holder, "store_bytes", getAll(holder));
  const upload = await steadyRate(holder, "upload_bytes_total", Promise.all(others.map(getAll)));
  await fleet.stop();
  const rows = [
    { what: "download", "limit MB/s": limit / 1e6, "seen MB/s": download / 1e6, share: download / limit },
    { what: "upload", "limit MB/s": limit / 1e6, "seen MB/s": upload / 1e6, share: upload / limit },
  ];
  for (const { what, share } of rows) if (share > 1.05) failures.push(`${what} at ${share.toFixed(3)} of its limit`);
  // What a holder sends is as much as is asked of it: the others have each other, and the supernode.
  if (download / limit < 0.95) failures.push("the limit on downloads is not used");
  return rows;
}

/** While the work lasts: without its beginning and its end. */
async function steadyRate(host, metric, work) {
  let going = true;
  void work.then(() => {
    going = false;
  });
  const before = await metricOf(host, metric);
  const samples = [];
  while (going) {
    const bytes = await metricOf(host, metric);
    if (bytes > before) samples.push([performance.now(), bytes]);
    await pause(200);
  }
  const [first] = samples;
  const last = samples.at(-1);
  const steady = samples.filter(([at]) => at >= first[0] + 1000 && at <= last[0] - 1000);
  if (steady.length < 2) return 0;
  return ((steady.at(-1)[1] - steady[0][1]) / (steady.at(-1)[0] - steady[0][0])) * 1000;
}

async function measureGivingWay(given, stage, failures) {
  const folder = await stage.roomy(8e9);
  const fleet = await Fleet.start(stage, { folder, daemons: 4, supernodes: 1, mbit: given.number("mbit") });
  const [holder, ...others] = fleet.hosts;
  const url = `${fleet.origin.url}/file`;
  await makeContent(join(fleet.origin.root, "file"), given.number("mib") << 20);
  await holder.running.get(url, join(folder, "held"), "held.log").ended;
  const getting = others.map((host) => host.running.get(url, join(folder, host.name, "file"), "file.log").ended);
  await pause(4000);
  const before = await rateOver(holder, 3000);
  const sink = stage.start("node", ["-e", sinkProgram], fleet.source);
  await pause(500);
  const seconds = given.number("noise");
  const noise = stage.start("node", ["-e", noiseProgram(fleet.source.address, seconds)], holder.host);
  await pause(2500);
  const during = await rateOver(holder, (seconds - 4) * 1000);
  await noise.ended;
  sink.kill("SIGKILL");
  await pause(4000);
  const after = await rateOver(holder, 3000);
  const log = await readFile(join(folder, holder.name, "0.log"), "utf8");
  await Promise.all(getting);
  if (during > before / 2) failures.push("uploads did not fall while another program took the link");
  if (after < before * 0.7) failures.push("uploads did not come back");
  return {
    "before MB/s": before / 1e6,
    "during MB/s": during / 1e6,
    "after MB/s": after / 1e6,
    "gave way": (log.match(/giving way to the host/g) ?? []).length,
  };
}

async function rateOver(host, ms) {
  const startedMs = performance.now();
  const before = await metricOf(host, "upload_bytes_total");
  await pause(ms);
  return (((await metricOf(host, "upload_bytes_total")) - before) / (performance.now() - startedMs)) * 1000;
}

/** Of the daemon's own metrics. */
async function metricOf(host, name) {
  const text = await new Promise((resolve, reject) => {
    const asked = request({ socketPath: host.running.socket, path: "/metrics" }, (response) => {
      let body = "";
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () => resolve(body));
    });
    asked.on("error", reject).end();
  });
  return Number(new RegExp(`^dragonfly_daemon_${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
}

const port = 9999;
const sinkProgram = `require("node:net").createServer((socket) => socket.resume().on("error", () => {})).listen(${port})`;

function noiseProgram(address, seconds) {
  return `
    const chunk = Buffer.alloc(1 << 16);
    for (let nth = 0; nth < 8; nth++) {
      const socket = require("node:net").connect(${port}, "${address}");
      const write = () => { while (socket.write(chunk)); };
      socket.on("connect", write).on("drain", write).on("error", () => {});
    }
    setTimeout(() => process.exit(0), ${seconds * 1000});`;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
