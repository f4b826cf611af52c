import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "./fault.ts";
import { plot } from "./plot.ts";
import { defaultScenario, MIB, type Scenario } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const small: Scenario = { ...defaultScenario, hosts: 50, size: 40 * MIB };

function fault(kind: Fault["kind"], over: Partial<Fault> = {}): Fault {
  return { kind, at: 0, forSeconds: 5, corruptShare: 1, ...over };
}

test("the same scenario gives the same bytes, another seed others", () => {
  const first = simulate(small);
  const second = simulate(small);
  assert.equal(JSON.stringify(first), JSON.stringify(second));
  assert.equal(plot(first), plot(second));
  assert.notEqual(JSON.stringify(simulate({ ...small, seed: 2 }).summary), JSON.stringify(first.summary));
});

test("nobody is faster than the bound, and fifty hosts are close to it", () => {
  const { summary, durations } = simulate(small);
  assert.equal(summary.boundSeconds, 1.6777);
  assert.ok(Math.min(...durations) > 0.99 * summary.boundSeconds);
  assert.ok(summary.p50 < 1.12 * summary.boundSeconds, `${summary.p50}`);
  assert.ok(summary.max < 1.2 * summary.boundSeconds, `${summary.max}`);
  assert.ok(summary.duplicates < 0.01, `${summary.duplicates}`);
  assert.equal(summary.complete, 50);
});

test("a seed no faster than a host sends little more than one copy", () => {
  const { summary } = simulate({ ...small, hosts: 16, down: 6.25e6, up: 6.25e6, seedUp: 6.25e6 });
  assert.ok(summary.p50 < 1.2 * summary.boundSeconds, `${summary.p50}`);
  assert.ok(summary.seedCopies < 1.3, `${summary.seedCopies}`);
});

test("one host takes no longer than its link", () => {
  const { summary } = simulate({ ...small, hosts: 1 });
  assert.ok(summary.max < 1.05 * summary.boundSeconds, `${summary.max}`);
  assert.equal(summary.duplicates, 0);
});

test("a file of one short piece arrives", () => {
  const { summary } = simulate({ ...small, size: 1 });
  assert.equal(summary.complete, 50);
});

test("hosts that die, vanish, stall, are slow or send broken pieces keep nobody else from completing", () => {
  const faults = [
    fault("die", { share: 0.1, at: [0, 1.5] }),
    fault("vanish", { hosts: [1, 2], at: 0.5 }),
    fault("stall", { hosts: [3], at: 0.4 }),
    fault("slow", { share: 0.1, up: 2e6 }),
    fault("corrupt", { hosts: [4], corruptShare: 0.5 }),
  ];
  const { summary } = simulate({ ...small, faults });
  assert.equal(summary.unfinished, 0);
  assert.equal(summary.complete + summary.died, 50);
  assert.ok(summary.died >= 5, `${summary.died}`);
  assert.ok(summary.p50 < 1.6 * summary.boundSeconds, `${summary.p50}`);
});

test("readers have half of the file in order early", () => {
  const { summary } = simulate({ ...small, size: 200 * MIB, hosts: 20, reader: true });
  assert.ok(summary.halfReadable < 0.65 * summary.boundSeconds, `${summary.halfReadable}`);
});

test("a cap between racks slows a swarm, and labels that keep traffic in the rack help", () => {
  const capped: Scenario = { ...small, hosts: 40, racks: 4, rackRate: 50e6 };
  const { summary } = simulate(capped);
  assert.equal(summary.complete, 40);
  assert.ok(summary.p50 > simulate({ ...capped, rackRate: 0 }).summary.p50);
});

test("a picture shows the axes, the bound and both curves", () => {
  const svg = plot(simulate(small));
  for (const part of ["hosts complete", "copies sent by the seed", "seconds from the start", "bound 1.68 s"]) {
    assert.ok(svg.includes(part), part);
  }
  assert.ok(!/NaN|undefined|Infinity/.test(svg));
});
