// A rack of hosts on this one machine: a network namespace each, all on one bridge, every link capped both ways. Needs root, iproute2 and
// the kernel's token bucket (sch_tbf). Nothing outside namespaces named bench-* is touched.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const prefix = "bench-";
const exchange = `${prefix}switch`;
/** A full queue holds so much of a link's rate; the bucket lets so much through at once. */
const queueMs = 30;
const burstMs = 4;
const minBurstBytes = 32 * 1024;

export class RackNetwork {
  #hosts = 0;

  /** Makes the switch; what an interrupted run left behind goes first. @param {import("./stage.js").Stage} stage */
  static async open(stage) {
    await remove();
    stage.onClose(remove);
    await ip("netns", "add", exchange);
    await ip("-n", exchange, "link", "add", "rack", "type", "bridge");
    await ip("-n", exchange, "link", "set", "rack", "up");
    return new RackNetwork();
  }

  /** Adds a host and caps its link, in megabits a second. Returns where it is. */
  async join(name, mbit) {
    const network = `${prefix}${name}`;
    const port = `to-${name}`;
    const nth = ++this.#hosts;
    const address = `10.83.${nth >> 8}.${nth & 255}`;
    await ip("netns", "add", network);
    await ip("-n", exchange, "link", "add", port, "type", "veth", "peer", "name", "uplink", "netns", network);
    await ip("-n", exchange, "link", "set", port, "master", "rack", "up");
    await ip("-n", network, "addr", "add", `${address}/16`, "dev", "uplink");
    await ip("-n", network, "link", "set", "lo", "up");
    await ip("-n", network, "link", "set", "uplink", "up");
    const host = new RackHost(name, network, address);
    await host.limit(mbit);
    return host;
  }
}

export class RackHost {
  constructor(name, network, address) {
    this.name = name;
    this.network = network;
    this.address = address;
  }

  /** Its link, both ways, in megabits a second. */
  async limit(mbit) {
    await cap(this.network, "uplink", mbit);
    await cap(exchange, `to-${this.name}`, mbit);
  }

  /** Ends whatever runs there. */
  clear() {
    return endAll(this.network);
  }

  /** Nothing reaches it, and nothing leaves it. */
  cut() {
    return ip("-n", exchange, "link", "set", `to-${this.name}`, "down");
  }

  heal() {
    return ip("-n", exchange, "link", "set", `to-${this.name}`, "up");
  }

  /** Bytes that left it so far, with all headers. */
  async sentBytes() {
    const { stdout } = await run("ip", ["-n", this.network, "-s", "-j", "link", "show", "uplink"]);
    return JSON.parse(stdout)[0].stats64.tx.bytes;
  }
}

async function cap(network, device, mbit) {
  const bytesPerMs = (mbit * 1e6) / 8 / 1000;
  const burst = Math.max(minBurstBytes, Math.round(bytesPerMs * burstMs));
  const shape = ["rate", `${mbit}mbit`, "burst", `${burst}b`, "latency", `${queueMs}ms`];
  await run("tc", ["-n", network, "qdisc", "replace", "dev", device, "root", "tbf", ...shape]);
}

async function remove() {
  const { stdout } = await run("ip", ["netns", "list"]);
  const names = stdout.split("\n").map((line) => line.split(" ")[0] ?? "");
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    await endAll(name);
    await ip("netns", "del", name);
  }
}

async function endAll(network) {
  const { stdout } = await run("ip", ["netns", "pids", network]);
  for (const pid of stdout.split("\n").filter((one) => one !== "")) end(Number(pid));
}

function end(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function ip(...args) {
  return run("ip", args);
}
