// Machines behind links of a given rate each way: a network namespace each, on one bridge in a namespace of its own. Needs root and iproute2.

import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** A full queue holds so much of a link's rate; the bucket lets so much through at once. */
const queueMs = 30;
const burstBytes = 32 * 1024;

/** Why there can be none here, for a test to skip with. */
export function missingCappedNetwork(): string | false {
  const script =
    "ip netns add $0 && ip -n $0 link set lo up && tc -n $0 qdisc add dev lo root tbf rate 1mbit burst 32kb latency 9ms";
  const name = `df${process.pid}-try`;
  const tried = spawnSync("sh", ["-c", script, name], { stdio: "ignore" });
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return tried.status === 0 ? false : "network namespaces and rate limits need root, iproute2 and sch_tbf";
}

export interface Link {
  /** Megabits a second; absent is unlimited. */
  readonly downMbit?: number | undefined;
  readonly upMbit?: number | undefined;
}

export interface Machine {
  readonly address: string;
  /** The command under which a program runs there. */
  readonly under: readonly string[];
}

export class CappedNetwork {
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  #machines = 0;

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  static async open(): Promise<CappedNetwork> {
    const network = new CappedNetwork(`df${process.pid}`);
    const bridge = await network.#namespace("switch");
    await run("ip", ["-n", bridge, "link", "add", "rack", "type", "bridge"]);
    await run("ip", ["-n", bridge, "link", "set", "rack", "up"]);
    return network;
  }

  async join({ downMbit, upMbit }: Link = {}): Promise<Machine> {
    const nth = ++this.#machines;
    const bridge = `${this.#prefix}-switch`;
    const own = await this.#namespace(String(nth));
    const port = `to${nth}`;
    const address = `10.84.0.${nth}`;
    await run("ip", ["-n", bridge, "link", "add", port, "type", "veth", "peer", "name", "uplink", "netns", own]);
    await run("ip", ["-n", bridge, "link", "set", port, "master", "rack", "up"]);
    await run("ip", ["-n", own, "addr", "add", `${address}/24`, "dev", "uplink"]);
    await run("ip", ["-n", own, "link", "set", "lo", "up"]);
    await run("ip", ["-n", own, "link", "set", "uplink", "up"]);
    await cap(own, "uplink", upMbit);
    await cap(bridge, port, downMbit);
    return { address, under: ["ip", "netns", "exec", own] };
  }

  /** What runs there has to be gone. */
  async close(): Promise<void> {
    for (const name of this.#namespaces.splice(0)) await run("ip", ["netns", "del", name]);
  }

  async #namespace(name: string): Promise<string> {
    const full = `${this.#prefix}-${name}`;
    await run("ip", ["netns", "add", full]);
    this.#namespaces.push(full);
    return full;
  }
}

async function cap(namespace: string, device: string, mbit: number | undefined): Promise<void> {
  if (mbit === undefined) return;
  const shape = ["rate", `${mbit}mbit`, "burst", `${burstBytes}b`, "latency", `${queueMs}ms`];
  await run("tc", ["-n", namespace, "qdisc", "replace", "dev", device, "root", "tbf", ...shape]);
}
