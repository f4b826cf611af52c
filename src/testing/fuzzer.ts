// Mutates inputs that are right, or nearly, and sees that a parser takes or refuses them: by an error of ours, within a second, in bounded
// memory. Inputs that were taken are mutated further.

import { DragonflyError } from "../core/error.ts";
import type { Random } from "../core/random.ts";

export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly (string | Uint8Array)[];
  /** Returns or resolves, or throws a `DragonflyError`; anything else is a fault. */
  readonly run: (input: Buffer) => unknown;
}

export interface FuzzReport {
  readonly runs: number;
  readonly taken: number;
  readonly slowestMs: number;
  readonly peakBytes: number;
}

const maxInputBytes = 64 << 10;
const maxPool = 512;
const maxRunMs = 1000;
/** Resident, with the runtime itself. */
const maxBytes = 768 << 20;

/** Rejects with the input, in base64, that was too much. */
export async function fuzz(target: FuzzTarget, random: Random, untilMs: number): Promise<FuzzReport> {
  const pool: Buffer[] = target.seeds.map((seed) => Buffer.from(seed));
  let [runs, taken, slowestMs, peakBytes] = [0, 0, 0, 0];
  while (performance.now() < untilMs) {
    const input = mutated(pool, random);
    const startedMs = performance.now();
    const isTaken = await accepts(target, input);
    let elapsedMs = performance.now() - startedMs;
    // The machine may have had other work.
    if (elapsedMs > maxRunMs) elapsedMs = cpuMs(() => accepts(target, input));
    if (elapsedMs > maxRunMs) throw fault(target, input, `it took ${elapsedMs.toFixed(0)} ms`);
    slowestMs = Math.max(slowestMs, elapsedMs);
    if (runs++ % 1000 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    if (peakBytes > maxBytes) throw fault(target, input, `${peakBytes >> 20} MiB are in use`);
    if (!isTaken) continue;
    taken++;
    if (pool.length < maxPool) pool.push(input);
    else pool[target.seeds.length + random.integer(maxPool - target.seeds.length)] = input;
  }
  return { runs, taken, slowestMs, peakBytes };
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function accepts(target: FuzzTarget, input: Buffer): Promise<boolean> {
  try {
    await target.run(Buffer.from(input));
    return true;
  } catch (error) {
    if (error instanceof DragonflyError && error.code !== "internal") return false;
    throw fault(target, input, String(error), error);
  }
}

function fault({ name }: FuzzTarget, input: Buffer, what: string, cause?: unknown): Error {
  return new Error(`${name}: ${what}, given ${input.toString("base64")}`, { cause });
}

const tokens = [
  ...[
    "\0",
    "\r\n",
    "\n\n",
    '"',
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "/",
    "../",
    "%2e",
    "%",
    "#",
    "?",
    "@",
    "=",
    "-",
    "*",
  ],
  ...[
    "0",
    "-1",
    "4294967296",
    "9007199254740993",
    "1e309",
    "NaN",
    "null",
    "true",
    "__proto__",
    "constructor",
    "\ufeff",
  ],
  ...["bytes=", "sha256:", "[[", "]]", "'''", '"""', "\\u0000", "\ud800", "😀", "a".repeat(300), "{".repeat(40)],
].map((text) => Buffer.from(text));

function mutated(pool: readonly Buffer[], random: Random): Buffer {
  const pick = (): Buffer => pool[random.integer(pool.length)] ?? Buffer.alloc(0);
  let input = pick();
  for (let steps = 1 + random.integer(6); steps > 0; steps--) input = mutatedOnce(input, pick, random);
  return input.subarray(0, maxInputBytes);
}

function mutatedOnce(input: Buffer, pick: () => Buffer, random: Random): Buffer {
  const at = random.integer(input.length + 1);
  const end = Math.min(input.length, at + 1 + random.integer(random.integer(4) === 0 ? 64 : 4));
  const [before, inside, behind] = [input.subarray(0, at), input.subarray(at, end), input.subarray(end)];
  switch (random.integer(8)) {
    case 0:
      return Buffer.concat([before, inside.map((byte) => byte ^ (1 << random.integer(8))), behind]);
    case 1:
      return Buffer.concat([before, inside.map(() => random.integer(256)), behind]);
    case 2:
      return Buffer.concat([before, behind]);
    case 3:
      return Buffer.concat([before, inside, inside, behind]);
    case 4:
      return Buffer.concat([before, tokens[random.integer(tokens.length)] ?? inside, input.subarray(at)]);
    case 5:
      return Buffer.concat([before, tokens[random.integer(tokens.length)] ?? inside, behind]);
    case 6: {
      const other = pick();
      return Buffer.concat([before, other.subarray(random.integer(other.length + 1))]);
    }
    default:
      return before;
  }
}
