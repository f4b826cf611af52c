import assert from "node:assert/strict";
import { test } from "node:test";
import { HostLoad } from "./host-load.ts";

interface Machine {
  nowMs: number;
  own: { sentBytes: number; receivedBytes: number };
  files: Record<string, string>;
}

function link(name: string, sent: number): string {
  return `  ${name}: 77 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`;
}

function disk(name: string, read: number, written: number): string {
  return ` 254 0 ${name} 1 2 ${read} 3 4 5 ${written} 6 7 8 9 10 11\n`;
}

function pressure(us: number): string {
  return `some avg10=0.00 avg60=0.00 avg300=0.00 total=${us}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;
}

function start(files: Record<string, string> = {}) {
  const machine: Machine = { nowMs: 0, own: { sentBytes: 0, receivedBytes: 0 }, files };
  const load = new HostLoad(
    () => machine.own,
    (path) => machine.files[path] ?? "",
    () => machine.nowMs,
  );
  return { machine, load };
}

test("rates and shares are those since the last sample", () => {
  const { machine, load } = start({
    "/proc/net/dev": `Inter-|\n face |\n${link("lo", 5000)}${link("eth0", 1000)}${link("veth1", 9000)}`,
    "/proc/diskstats": disk("vda", 10, 10) + disk("vda1", 10, 10),
    "/proc/self/io": "rchar: 9\nread_bytes: 0\nwrite_bytes: 0\n",
    "/proc/pressure/io": pressure(1_000_000),
  });
  machine.nowMs = 2000;
  machine.own = { sentBytes: 600, receivedBytes: 200 };
  machine.files = {
    "/proc/net/dev": link("lo", 8000) + link("eth0", 3000) + link("veth1", 99_000),
    "/proc/diskstats": disk("vda", 14, 14) + disk("vda1", 14, 14),
    "/proc/self/io": "rchar: 9\nread_bytes: 0\nwrite_bytes: 1024\n",
    "/proc/pressure/io": pressure(1_500_000),
  };
  assert.deepEqual(load.sample(), {
    sentRate: 1000,
    ownSentRate: 300,
    ownReceivedRate: 100,
    othersDiskShare: 0.75,
    diskPressure: 0.25,
    memoryPressure: 0,
    cpuPressure: 0,
  });
});

test("what the kernel does not tell is taken as idle", () => {
  const { machine, load } = start();
  machine.nowMs = 1000;
  assert.deepEqual(new Set(Object.values(load.sample())), new Set([0]));
});

test("counters that begin anew are no traffic", () => {
  const { machine, load } = start({ "/proc/net/dev": link("eth0", 1000) });
  machine.nowMs = 1000;
  machine.files = { "/proc/net/dev": link("eth0", 10) };
  assert.equal(load.sample().sentRate, 0);
});

test("the real files can be read", () => {
  const load = new HostLoad(() => ({ sentBytes: 0, receivedBytes: 0 }));
  for (const value of Object.values(load.sample())) assert.ok(Number.isFinite(value) && value >= 0);
});
