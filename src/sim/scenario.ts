// What is simulated: so many hosts, such links, such faults; and the bound that no scheme can beat there.

import { boundOf } from "../core/bound.ts";
import type { Fault } from "./fault.ts";

export interface Scenario {
  readonly hosts: number;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of a piece; undefined is what the file's length gives. */
  readonly pieceLength?: number;
  /** Links, in bytes a second. */
  readonly down: number;
  readonly up: number;
  readonly seedUp: number;
  /** How fast the origin is read; undefined is as fast as the seed sends. */
  readonly originRate?: number;
  readonly seeds: number;
  /** One way. */
  readonly latencyMs: number;
  /** Hosts join evenly within this time. */
  readonly staggerMs: number;
  /** Whether every host reads the file in order while it comes. */
  readonly reader: boolean;
  readonly racks: number;
  readonly zones: number;
  /** Bytes a second between a rack and the others, each way; 0 is unlimited. */
  readonly rackRate: number;
  readonly faults: readonly Fault[];
  readonly seed: number;
}

export const MIB = 1024 * 1024;

export const defaultScenario: Scenario = {
  hosts: 1000,
  size: 200 * MIB,
  down: 25e6,
  up: 25e6,
  seedUp: 250e6,
  seeds: 1,
  latencyMs: 1,
  staggerMs: 200,
  reader: false,
  racks: 0,
  zones: 0,
  rackRate: 0,
  faults: [],
  seed: 1,
};

/** Seconds within which no scheme can bring the file to all hosts. `upSum` is over all hosts, in bytes a second. */
export function boundSeconds(scenario: Scenario, upSum: number): number {
  const { size: bytes, hosts, down, seedUp: each, seeds, originRate } = scenario;
  const seedUp = each * seeds;
  return boundOf({ bytes, hosts, source: originRate ?? seedUp, seedUp, down, upSum }).seconds;
}
