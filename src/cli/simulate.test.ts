import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { DragonflyError } from "../core/error.ts";
import { parseCommandLine } from "./command-line.ts";
import type { Io } from "./io.ts";
import { simulate } from "./simulate.ts";

const small = ["--hosts", "20", "--size", "4MiB"];

async function run(...args: readonly string[]): Promise<string> {
  const stdout = new PassThrough();
  const io: Io = {
    stdout,
    stderr: new PassThrough(),
    env: { HOME: "/home/ada" },
    signals: new EventEmitter(),
    leave: () => assert.fail("left"),
    program: "/none",
  };
  const { flags, operands } = parseCommandLine("dragonfly simulate", simulate, args);
  assert.equal(await simulate.run({ program: "dragonfly simulate", flags, operands, io }), 0);
  return String(stdout.read() ?? "");
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "dragonfly-simulate-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("the same flags print the same bytes: one JSON object", async () => {
  const first = await run(...small, "--json");
  assert.equal(await run(...small, "--json"), first);
  const summary = JSON.parse(first);
  for (const key of ["boundSeconds", "p50", "p90", "p99", "max", "originCopies", "seedCopies", "duplicates"]) {
    assert.equal(typeof summary[key], "number", key);
  }
  assert.equal(summary.hosts, 20);
  assert.equal(summary.complete, 20);
});

test("for people it prints a table and what was sent", async () => {
  const lines = (await run(...small)).split("\n");
  assert.match(lines[0] ?? "", /^HOSTS +SECONDS +OF THE BOUND$/);
  assert.match(lines[1] ?? "", /^bound +0\.17 +1\.000$/);
  assert.match(lines.at(-3) ?? "", /^20 of 20 hosts complete; 4\.0 MiB in 64 pieces of 64\.0 KiB$/);
});

test("faults are read from a file, and a picture is written to one", async () => {
  await inDirectory(async (directory) => {
    const faults = join(directory, "faults.json");
    const picture = join(directory, "swarm.svg");
    await writeFile(faults, '{"faults": [{"kind": "die", "hosts": [0, 1], "at": 0.25}]}');
    const summary = JSON.parse(await run(...small, "--faults", faults, "--plot", picture, "--json"));
    assert.equal(summary.died, 2);
    assert.match(await readFile(picture, "utf8"), /^<svg /);
  });
});

test("what makes no sense is refused as the caller's mistake", async () => {
  for (const args of [
    ["--hosts", "0"],
    ["--hosts", "many"],
    ["--size", "0"],
    ["--up", "0"],
    ["--rack-rate", "1Gbps"],
    ["--faults", "/nowhere/faults.json"],
    ["--unheard-of", "1"],
  ]) {
    await assert.rejects(run(...args), (error) => error instanceof DragonflyError && error.exit === 2, args.join(" "));
  }
});
