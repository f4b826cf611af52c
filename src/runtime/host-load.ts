// What the machine does, read from the kernel (proc(5)): links, disks, and how long programs waited for a resource. Where a file is not there
// (no Linux, no pressure accounting) its part is taken as idle. Decides nothing.

import { readFileSync } from "node:fs";
import type { LoadSample } from "../core/giving-way.ts";

/** What this process has sent and received itself so far, in bytes. */
export interface OwnTraffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

interface Totals {
  readonly atMs: number;
  readonly sentBytes: number;
  readonly own: OwnTraffic;
  readonly diskBytes: number;
  readonly ownDiskBytes: number;
  /** Microseconds in which some program waited, since the machine started. */
  readonly cpuUs: number;
  readonly diskUs: number;
  readonly memoryUs: number;
}

export type ReadText = (path: string) => string;

export class HostLoad {
  readonly #own: () => OwnTraffic;
  readonly #readText: ReadText;
  readonly #nowMs: () => number;
  #last: Totals;

  constructor(
    own: () => OwnTraffic,
    readText: ReadText = readSystemFile,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#own = own;
    this.#readText = readText;
    this.#nowMs = nowMs;
    this.#last = this.#read();
  }

  /** Since the last sample, or since the start. */
  sample(): LoadSample {
    const before = this.#last;
    const now = this.#read();
    this.#last = now;
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
    const rate = (to: number, from: number): number => Math.max(0, to - from) / seconds;
    const pressure = (to: number, from: number): number => Math.min(1, Math.max(0, to - from) / 1e6 / seconds);
    const diskRate = rate(now.diskBytes, before.diskBytes);
    const ownDiskRate = rate(now.ownDiskBytes, before.ownDiskBytes);
    return {
      sentRate: rate(now.sentBytes, before.sentBytes),
      ownSentRate: rate(now.own.sentBytes, before.own.sentBytes),
      ownReceivedRate: rate(now.own.receivedBytes, before.own.receivedBytes),
      othersDiskShare: diskRate === 0 ? 0 : Math.max(0, 1 - ownDiskRate / diskRate),
      diskPressure: pressure(now.diskUs, before.diskUs),
      memoryPressure: pressure(now.memoryUs, before.memoryUs),
      cpuPressure: pressure(now.cpuUs, before.cpuUs),
    };
  }

  #read(): Totals {
    return {
      atMs: this.#nowMs(),
      own: this.#own(),
      sentBytes: sentBytes(this.#readText("/proc/net/dev")),
      diskBytes: diskBytes(this.#readText("/proc/diskstats")),
      ownDiskBytes: ownDiskBytes(this.#readText("/proc/self/io")),
      cpuUs: waitedUs(this.#readText("/proc/pressure/cpu")),
      diskUs: waitedUs(this.#readText("/proc/pressure/io")),
      memoryUs: waitedUs(this.#readText("/proc/pressure/memory")),
    };
  }
}

function readSystemFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Of links that lead elsewhere: what bridges and containers' ends carry is counted where it leaves the machine. */
function sentBytes(text: string): number {
  let bytes = 0;
  for (const line of text.split("\n")) {
    const [, name = "", counters = ""] = /^\s*(\S+):(.*)$/.exec(line) ?? [];
    if (name === "" || /^(lo$|veth|docker|br-|cni|cali|flannel|virbr|ifb|dummy|tun|tap)/.test(name)) continue;
    bytes += Number(counters.trim().split(/\s+/)[8] ?? 0);
  }
  return bytes;
}

/** Of whole disks. A sector is 512 bytes there, whatever the disk's own are. */
function diskBytes(text: string): number {
  let sectors = 0;
  for (const line of text.split("\n")) {
    const [, , name = "", , , read = "0", , , , written = "0"] = line.trim().split(/\s+/);
    if (/^(sd[a-z]+|[vh]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(name))
      sectors += Number(read) + Number(written);
  }
  return sectors * 512;
}

function ownDiskBytes(text: string): number {
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  return field("read_bytes") + field("write_bytes");
}

function waitedUs(text: string): number {
  return Number(/^some .*total=(\d+)/m.exec(text)?.[1] ?? 0);
}
