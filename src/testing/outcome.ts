// What end-to-end tests say of a program's end and of the files it wrote.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Outcome } from "./program.ts";

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

export function succeeded(outcome: Outcome): void {
  assert.equal(outcome.exit, 0, `exit ${outcome.exit}: ${outcome.stderr}`);
}

/** Ended with this code, and with exactly one line on standard error that says this. */
export function refused(outcome: Outcome, exit: number, ...says: readonly RegExp[]): void {
  const { stderr } = outcome;
  assert.equal(outcome.exit, exit, `exit ${outcome.exit}: ${stderr}`);
  assert.match(stderr, /^[^\n]+\n$/, `one line: ${stderr}`);
  for (const pattern of says) assert.match(stderr, pattern);
}

/** What `--json` printed. */
export function jsonOf(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.stdout.toString());
}
