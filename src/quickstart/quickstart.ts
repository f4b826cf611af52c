// Shows on one machine what Dragonfly does on many: an origin, a supernode and four hosts that fetch the same file at the same moment.

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatBytes, formatRate } from "../runtime/units.ts";
import { Program } from "./program.ts";
import { SmallOrigin } from "./small-origin.ts";

const contentBytes = 64 << 20;
const hostCount = 4;
/** Without a limit loopback is so fast that processors, not the network, would decide who gets what from whom. */
const uplinkBytesPerSecond = 25e6;

interface Host {
  readonly name: string;
  readonly socket: string;
}

interface Fetched {
  readonly name: string;
  readonly elapsedMs: number;
  readonly from: { readonly peers: number; readonly supernode: number; readonly origin: number };
  readonly intact: boolean;
  /** What dfget found worth telling: nothing, when all is well. */
  readonly notes: string;
}

/** Resolves to the exit code: 0 when every host has the right bytes and the origin was read once. */
export async function quickstart(print: (text: string) => void, signal: AbortSignal): Promise<number> {
  const scope: Scope = [];
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  const running = run(print, scope, signal);
  try {
    return await Promise.race([running, stopped]);
  } finally {
    await releaseAll(scope);
    // What was being opened when it was stopped is there by now.
    await running.catch(() => {});
    await releaseAll(scope);
  }
}

/** What is held, in the order in which it was acquired. */
type Scope = (() => Promise<unknown>)[];

async function releaseAll(scope: Scope): Promise<void> {
  for (const release of scope.splice(0).reverse()) await release();
}

async function run(print: (text: string) => void, scope: Scope, signal: AbortSignal): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-quickstart-"));
  scope.push(() => rm(directory, { recursive: true, force: true }));
  const origin = await SmallOrigin.start(contentBytes);
  scope.push(() => origin.close());
  const cluster = new Cluster(directory, scope, signal);

  print("\nOne origin, one supernode and four hosts, each its own process on this machine:\n\n");
  print(`  origin      ${origin.url}, ${formatBytes(contentBytes)} of random bytes\n`);
  const supernode = await cluster.startSupernode();
  print(`  supernode   ${supernode}, its uplink held to ${formatRate(uplinkBytesPerSecond)}\n`);
  const hosts = await cluster.startHosts(supernode);
  print(`  hosts       ${hosts.map(({ name }) => name).join(", ")}\n\n`);

  print(`All four fetch it at the same moment: dfget ${origin.url} -o FILE\n\n`);
  const fetched = await Promise.all(hosts.map((host) => cluster.fetch(host, origin)));
  print(tableOf(fetched));
  for (const { name, notes } of fetched) if (notes !== "") print(`\n${name} says: ${notes}\n`);

  const intact = fetched.every((one) => one.intact);
  const once = origin.sentBytes === contentBytes;
  const copies = (origin.sentBytes / contentBytes).toFixed(2);
  const aloneSeconds = (hostCount * contentBytes) / uplinkBytesPerSecond;
  print(`\nThe supernode alone would have needed ${aloneSeconds.toFixed(1)} seconds for all of them.\n`);
  print(`The origin sent ${formatBytes(origin.sentBytes)}, that is ${copies} copies for ${hostCount} hosts.\n`);
  print(`SHA-256 ${origin.sha256}: ${intact ? "the same on every host" : "NOT the same on every host"}.\n`);
  if (!intact || !once) print(`\nThis is not as it should be${once ? "" : ": the origin is to be read once"}.\n`);
  return intact && once ? 0 : 1;
}

/** The programs of this run, all given free by their scope. */
class Cluster {
  readonly #directory: string;
  readonly #scope: Scope;
  readonly #signal: AbortSignal;
  readonly #common: readonly string[];

  constructor(directory: string, scope: Scope, signal: AbortSignal) {
    this.#directory = directory;
    this.#scope = scope;
    this.#signal = signal;
    this.#common = ["--config", join(directory, "empty.yaml"), "--log-level", "warn"];
  }

  async startSupernode(): Promise<string> {
    await writeFile(join(this.#directory, "empty.yaml"), "{}\n");
    const place = ["--listen", "127.0.0.1:0", "--data-dir", join(this.#directory, "supernode")];
    const limit = ["--upload-limit", `${uplinkBytesPerSecond / 1e6}MB/s`];
    return this.#start("dragonfly.js", ["supernode", ...place, ...limit]).ready(/^supernode ready on (\S+)/);
  }

  startHosts(supernode: string): Promise<readonly Host[]> {
    const names = Array.from({ length: hostCount }, (_, index) => `host-${index + 1}`);
    return Promise.all(
      names.map(async (name) => {
        const home = join(this.#directory, name);
        await mkdir(home);
        const socket = join(home, "d.sock");
        const place = [
          "--listen",
          "127.0.0.1:0",
          "--proxy",
          "off",
          "--socket",
          socket,
          "--data-dir",
          join(home, "data"),
        ];
        await this.#start("dragonfly.js", ["daemon", "--supernode", supernode, ...place]).ready(/^daemon ready: (.*)/);
        return { name, socket };
      }),
    );
  }

  async fetch({ name, socket }: Host, { url, sha256 }: SmallOrigin): Promise<Fetched> {
    const path = join(this.#directory, name, "random.bin");
    const dfget = this.#start("dfget.js", [url, "-o", path, "--socket", socket, "--json"]);
    const { stdout, stderr } = await dfget.output();
    const { elapsedMs, from } = JSON.parse(stdout);
    const notes = stderr
      .split("\n")
      .filter((line) => line.startsWith("dfget: "))
      .join("\n");
    const actual = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    return { name, elapsedMs, from, intact: actual === sha256, notes };
  }

  #start(file: string, args: readonly string[]): Program {
    this.#signal.throwIfAborted();
    const program = new Program(file, [...args, ...this.#common]);
    this.#scope.push(() => program.stop());
    return program;
  }
}

function tableOf(fetched: readonly Fetched[]): string {
  const heading = ["host", "seconds", "from peers", "supernode", "origin", "content"];
  const rows = fetched.map(({ name, elapsedMs, from, intact }) => [
    name,
    (elapsedMs / 1000).toFixed(2),
    ...[from.peers, from.supernode, from.origin].map(formatBytes),
    intact ? "intact" : "WRONG",
  ]);
  const widths = heading.map((_, column) => Math.max(...[heading, ...rows].map((row) => (row[column] ?? "").length)));
  return [heading, ...rows]
    .map((row) => `  ${row.map((cell, column) => pad(cell, column, widths[column] ?? 0)).join("   ")}\n`)
    .join("");
}

/** Numbers stand right. */
function pad(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
