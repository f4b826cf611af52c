// A host with other work: its limits, and the supernode's on its origins, hold over all tasks together, and its uploads give way to another
// program that takes the link, and come back when it is over.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeContent } from "../bench/content.js";
import { Fleet } from "./fleet.js";

const run = promisify(execFile);

export const flags = { mbit: "80", mib: "300", limit: "8", files: "8", each: "8", noise: "12" };

export async function test(given, stage) {
  const failures = [];
  const limits = [...(await measureLimits(given, stage)), await measureOriginLimit(given, stage)];
  for (const { what, share } of limits) {
    if (Math.abs(share - 1) > 0.05) failures.push(`${what} at ${share.toFixed(3)} of its limit`);
  }
  const way = await measureGivingWay(given, stage, failures);
  return {
    tables: [
      { title: "rates under a limit, all tasks together", rows: limits },
      { title: "uploads of a host whose link another program takes", rows: [way] },
    ],
    failures,
  };
}

async function measureLimits(given, stage) {
  const limit = given.number("limit") * 1e6;
  const upload = limit / 2;
  const folder = await stage.roomy(4e9);
  const flags = ["--download-limit", `${limit}B/s`, "--upload-limit", `${upload}B/s`];
  const fleet = await Fleet.start(stage, { folder, daemons: 4, supernodes: 1, mbit: 1000, flags });
  const [holder, ...others] = fleet.hosts;
  const names = await makeFiles(given, fleet);
  const downloaded = () => metricOf(holder, "store_bytes");
  const rows = [rowOf("download", limit, await steadyRate(downloaded, getAll(fleet, holder, names)))];
  // What the supernode gives the others does not come from the holder: nearly all of it does when the supernode's link is slow.
  await fleet.seeds[0].host.limit(8);
  const uploaded = () => metricOf(holder, "upload_bytes_total");
  const getting = Promise.all(others.map((host) => getAll(fleet, host, names)));
  rows.push(rowOf("upload", upload, await steadyRate(uploaded, getting)));
  await fleet.stop();
  return rows;
}

/** Each host reads files that the others do not. */
async function measureOriginLimit(given, stage) {
  const limit = given.number("limit") * 1e6;
  const folder = await stage.roomy(4e9);
  const seedFlags = ["--origin-limit", `${limit}B/s`];
  const fleet = await Fleet.start(stage, { folder, daemons: 4, supernodes: 1, mbit: 1000, seedFlags });
  const names = await makeFiles(given, fleet);
  const { hosts } = fleet;
  const shares = hosts.map((_, nth) => names.filter((__, file) => file % hosts.length === nth));
  const getting = Promise.all(hosts.map((host, nth) => getAll(fleet, host, shares[nth])));
  const rate = await steadyRate(() => originBytesOf(fleet.seeds[0]), getting);
  await fleet.stop();
  return rowOf("origin", limit, rate);
}

async function makeFiles(given, { origin }) {
  const names = Array.from({ length: given.number("files") }, (_, nth) => `file-${nth}`);
  for (const name of names) await makeContent(join(origin.root, name), given.number("each") << 20);
  return names;
}

function getAll({ folder, origin }, host, names) {
  const get = (name) => host.running.get(`${origin.url}/${name}`, join(folder, host.name, name), `${name}.log`).ended;
  return Promise.all(names.map(get));
}

function rowOf(what, limit, seen) {
  return { what, "limit MB/s": limit / 1e6, "seen MB/s": seen / 1e6, share: seen / limit };
}

/** While the work lasts: without its beginning and its end. */
async function steadyRate(total, work) {
  let going = true;
  void work.then(() => {
    going = false;
  });
  const before = await total();
  const samples = [];
  while (going) {
    const bytes = await total();
    if (bytes > before) samples.push([performance.now(), bytes]);
    await pause(200);
  }
  const [first] = samples;
  const end = samples.at(-1)?.[1];
  // Processes take a while to end when the last byte is there.
  const last = samples.find(([, bytes]) => bytes === end);
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

async function originBytesOf({ host, running }) {
  const { stdout } = await run("ip", ["netns", "exec", host.network, "curl", "-s", `${running.url}/metrics`]);
  return Number(/^dragonfly_supernode_origin_bytes_total (\S+)$/m.exec(stdout)?.[1] ?? 0);
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
