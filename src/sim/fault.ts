// The faults that a simulation may have, and the file that lists them: `{"faults": [{"kind": "die", "share": 0.1, "at": [0, 8]}]}`.

import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import { sample } from "../core/random.ts";
import { parseRate } from "../runtime/units.ts";

/**
 * `die`: connections are reset and the supernode knows at once. `vanish`: as when the power goes, nobody is told. `stall`: nothing is sent for
 * `forSeconds`, though pieces are promised. `slow`: other links from the start. `corrupt`: this share of the sent pieces is broken.
 */
export interface Fault {
  readonly kind: "die" | "vanish" | "stall" | "slow" | "corrupt";
  /** Host numbers from 0; or else a share of all hosts, drawn at random. */
  readonly hosts?: readonly number[] | undefined;
  readonly share?: number | undefined;
  /** Seconds from the start, or a range from which each host's time is drawn. */
  readonly at: number | readonly [number, number];
  readonly forSeconds: number;
  /** Bytes a second. */
  readonly up?: number | undefined;
  readonly down?: number | undefined;
  readonly corruptShare: number;
}

const seconds = z.number().nonnegative();
const rate = z.string().transform(parseRate);

const faultSchema = z
  .strictObject({
    kind: z.enum(["die", "vanish", "stall", "slow", "corrupt"]),
    hosts: z.array(z.int().nonnegative()).optional(),
    share: z.number().min(0).max(1).optional(),
    at: z.union([seconds, z.tuple([seconds, seconds])]).default(0),
    forSeconds: seconds.default(5),
    up: rate.optional(),
    down: rate.optional(),
    corruptShare: z.number().min(0).max(1).default(1),
  })
  .refine((fault) => (fault.hosts === undefined) !== (fault.share === undefined), "wants either hosts or a share");

const fileSchema = z.strictObject({ faults: z.array(faultSchema) });

export function parseFaults(text: string): readonly Fault[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DragonflyError("bad-usage", "the faults are not JSON", { cause });
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data.faults;
  throw new DragonflyError("bad-usage", `the faults are not understood: ${z.prettifyError(parsed.error)}`);
}

/** The hosts that a fault strikes. */
export function struckHosts(fault: Fault, hosts: number, random: Random): readonly number[] {
  if (fault.hosts !== undefined) return fault.hosts.filter((host) => host < hosts);
  const all = Array.from({ length: hosts }, (_, host) => host);
  return sample(random, all, Math.round(hosts * (fault.share ?? 0)));
}

/** When it strikes one of them. */
export function strikesAtMs(fault: Fault, random: Random): number {
  if (typeof fault.at === "number") return fault.at * 1000;
  const [from, to] = fault.at;
  return (from + random.next() * (to - from)) * 1000;
}
