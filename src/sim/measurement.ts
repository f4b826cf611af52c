// What a simulation found, in numbers that people and scripts read. Times are seconds from a host's joining to its last piece.

import { boundSeconds, type Scenario } from "./scenario.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimulatedFile } from "./world.ts";

export interface Run {
  readonly scenario: Scenario;
  readonly file: SimulatedFile;
  /** Of all hosts' uplinks, bytes a second. */
  readonly upSum: number;
  readonly hosts: readonly SimHost[];
  /** By node. */
  readonly downBytes: Float64Array;
  readonly refusals: number;
  readonly seedRefusals: number;
  readonly seedSent: readonly (readonly [ms: number, bytes: number])[];
  readonly events: number;
}

/** The object that `--json` prints. */
export interface Summary {
  readonly boundSeconds: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly originCopies: number;
  readonly seedCopies: number;
  /** Bytes that came down beyond what was needed, as a share of what was. */
  readonly duplicates: number;
  /** When half of the file could be read in order: the middle host's time. */
  readonly halfReadable: number;
  readonly hosts: number;
  readonly complete: number;
  readonly died: number;
  readonly unfinished: number;
  readonly size: number;
  readonly pieceLength: number;
  readonly pieces: number;
  /** Refused requests for each piece that a host needs; and refusals of the seeds a second. */
  readonly busyPerPiece: number;
  readonly seedRefusalsPerSecond: number;
  readonly events: number;
  readonly seed: number;
}

export interface Measurement {
  readonly summary: Summary;
  readonly scenario: Scenario;
  /** Seconds from the start at which hosts were complete, ascending. */
  readonly completedAt: readonly number[];
  /** Seconds from joining by host number; NaN for one that never was complete. */
  readonly durations: readonly number[];
  /** [seconds, copies of the file]: what the seeds had sent by then. */
  readonly seedSent: readonly (readonly [seconds: number, copies: number])[];
}

export function measure(run: Run): Measurement {
  const { scenario, file, hosts } = run;
  const durations = hosts.map((host) =>
    host.completeMs === Number.POSITIVE_INFINITY ? Number.NaN : (host.completeMs - host.joinedMs) / 1000,
  );
  const done = durations.filter((seconds) => !Number.isNaN(seconds)).sort((a, b) => a - b);
  const half = hosts.map((host) => (host.halfReadableMs - host.joinedMs) / 1000).sort((a, b) => a - b);
  const completedAt = hosts
    .map((host) => host.completeMs / 1000)
    .filter((seconds) => seconds !== Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  let sentBytes = 0;
  const seedSent = run.seedSent.map(([ms, bytes]) => {
    sentBytes += bytes;
    return [ms / 1000, sentBytes / file.length] as const;
  });
  const summary = {
    boundSeconds: rounded(boundSeconds(scenario, run.upSum)),
    p50: rounded(quantile(done, 0.5)),
    p90: rounded(quantile(done, 0.9)),
    p99: rounded(quantile(done, 0.99)),
    max: rounded(done.at(-1) ?? 0),
    originCopies: 1,
    seedCopies: rounded(sentBytes / file.length),
    duplicates: rounded(duplicateShare(run)),
    halfReadable: rounded(quantile(half, 0.5)),
    hosts: hosts.length,
    complete: done.length,
    died: hosts.filter((host) => !host.alive).length,
    unfinished: hosts.filter((host) => host.alive && host.completeMs === Number.POSITIVE_INFINITY).length,
    size: file.length,
    pieceLength: file.pieceLength,
    pieces: file.pieces,
    busyPerPiece: rounded(run.refusals / Math.max(1, hosts.length * file.pieces)),
    seedRefusalsPerSecond: rounded(run.seedRefusals / Math.max(1e-3, completedAt.at(-1) ?? 0)),
    events: run.events,
    seed: scenario.seed,
  };
  return { summary, scenario, completedAt, durations, seedSent };
}

/** The value that this share of a sorted list does not exceed; 0 of an empty one. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function duplicateShare({ hosts, downBytes, file }: Run): number {
  let came = 0;
  let needed = 0;
  for (const [node, host] of hosts.entries()) {
    if (host.completeMs === Number.POSITIVE_INFINITY) continue;
    came += downBytes[node] ?? 0;
    needed += file.length;
  }
  return needed === 0 ? 0 : came / needed - 1;
}

/** To a tenth of a millisecond or of a per mille, so that printing is the same everywhere. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
