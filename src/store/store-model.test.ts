// Random sequences of operations on both stores against a model of a few lines.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { countPieces } from "../core/version.ts";
import { contentOf, pieceOf, versionOf, writePiece } from "../testing/store-contract.ts";
import { DiskStore } from "./disk-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Store } from "./store.ts";

const lengths = [0, 999, 3000, 4500];
const versions = lengths.map((length, at) => versionOf(`v${at}`, length, "one task"));
const contents = versions.map((version, at) => contentOf(version, lengths[at] ?? 0));

type Step =
  | { readonly type: "create" | "remove" | "finish" | "check"; readonly at: number }
  | { readonly type: "write"; readonly at: number; readonly piece: number }
  | { readonly type: "restart"; readonly otherBoot: boolean };

const at = fc.nat({ max: lengths.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constantFrom("create" as const, "remove" as const, "finish" as const, "check" as const), at }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant("write" as const), at, piece: fc.nat({ max: 4 }) }) },
  fc.record({ type: fc.constant("restart" as const), otherBoot: fc.boolean() }),
);

interface Expected {
  readonly held: Set<number>;
  complete: boolean;
}

async function play(steps: readonly Step[], open: (boot: string) => Promise<Store>, restarts: boolean): Promise<void> {
  const model = new Map<number, Expected>();
  let boot = 0;
  let store = await open(`boot-${boot}`);
  try {
    for (const step of steps) {
      if (step.type === "restart") {
        if (!restarts) continue;
        await store.close();
        if (step.otherBoot) boot++;
        store = await open(`boot-${boot}`);
      } else {
        await take(step, store, model);
      }
      checkSums(store, model);
    }
  } finally {
    await store.close();
  }
}

async function take(
  step: Exclude<Step, { type: "restart" }>,
  store: Store,
  model: Map<number, Expected>,
): Promise<void> {
  const version = versions[step.at];
  const content = contents[step.at];
  assert.ok(version !== undefined && content !== undefined);
  const holding = store.find(version.id);
  const expected = model.get(step.at);
  assert.equal(holding === undefined, expected === undefined);
  if (step.type === "create") {
    await store.create(version);
    if (expected === undefined) model.set(step.at, { held: new Set(), complete: false });
  } else if (step.type === "remove") {
    await store.remove(version.id);
    model.delete(step.at);
  } else if (holding === undefined || expected === undefined) {
    return;
  } else if (step.type === "write") {
    if (step.piece >= countPieces(content.length, version.pieceLength)) return;
    await writePiece(holding, content, step.piece);
    expected.held.add(step.piece);
  } else if (step.type === "finish") {
    const whole = expected.held.size === countPieces(content.length, version.pieceLength);
    if (whole) await holding.finish(content.length, undefined);
    else await assert.rejects(holding.finish(content.length, undefined));
    expected.complete ||= whole;
  } else {
    const into = Buffer.alloc(version.pieceLength);
    for (const piece of expected.held) {
      const length = await holding.read(piece, into);
      assert.ok(into.subarray(0, length).equals(pieceOf(version, content, piece)));
    }
    assert.equal(holding.state, expected.complete ? "complete" : "partial");
  }
}

function checkSums(store: Store, model: Map<number, Expected>): void {
  let usedBytes = 0;
  for (const [at, { held }] of model) {
    const version = versions[at];
    const content = contents[at];
    assert.ok(version !== undefined && content !== undefined);
    assert.deepEqual([...(store.find(version.id)?.held ?? [])], [...held].sort());
    for (const piece of held) usedBytes += pieceOf(version, content, piece).length;
  }
  assert.equal(store.usedBytes, usedBytes);
  assert.equal([...store.all()].length, model.size);
}

const steps = fc.array(step, { minLength: 5, maxLength: 40 });

test("a memory store does what the model does", async () => {
  const open = async () => new MemoryStore({ quotaBytes: 0 });
  await fc.assert(
    fc.asyncProperty(steps, (sequence) => play(sequence, open, false)),
    { numRuns: 100 },
  );
});

test("a disk store does what the model does, across restarts and reboots", async () => {
  const property = fc.asyncProperty(steps, async (sequence) => {
    const dataDir = await mkdtemp(join(tmpdir(), "dragonfly-model-"));
    try {
      const open = (boot: string) => DiskStore.open({ dataDir, quotaBytes: 0, boot: boot.padEnd(36, "-") });
      await play(sequence, open, true);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
  await fc.assert(property, { numRuns: 60 });
});
