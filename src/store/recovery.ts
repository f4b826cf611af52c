// What a directory of the store holds when a process opens it. The journal claims; within one run of the machine its claims are
// believed, since the page cache outlives a process; after another run, and where a size or a time is wrong (pieces written after their claims,
// by somebody else or a moment before the end), each claim is proved by hashing.

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Bitset } from "../core/bitset.ts";
import type { VersionRecord } from "../core/version.ts";
import { countPieces } from "../core/version.ts";
import { DigestTable } from "./digest-table.ts";
import { writeJournal } from "./journal.ts";
import { headerBytes, type JournalRecord, parseJournal, recordBytes } from "./journal-format.ts";
import type { HoldingFacts } from "./piece-holding.ts";
import { parseVersionFile, type VersionFile, writeVersionFile } from "./version-file.ts";

export const versionName = "version.json";
export const piecesName = "pieces";
export const journalName = "journal";

export interface Recovered {
  readonly facts: HoldingFacts;
  readonly journalEndBytes: number;
  /** Absent for a complete holding: read on first use, so that ten thousand of them open at once. */
  readonly digests: DigestTable | undefined;
  /** All of it is known to be on the disk, not only in the page cache. */
  readonly durable: boolean;
  /** Of a complete one. */
  readonly writtenAtNs: string | undefined;
}

interface Found {
  readonly directory: string;
  readonly file: VersionFile;
  readonly usedAtMs: number;
  readonly piecesBytes: number;
  readonly takenBytes: number;
  readonly writtenAtNs: string;
  readonly journalBytes: number;
  /** Of the pieces, after the last claim. */
  readonly writtenSince: boolean;
}

/** Undefined when the directory says nothing readable of what it holds. */
export async function recover(directory: string, boot: string, nowMs: number): Promise<Recovered | undefined> {
  const found = look(directory, nowMs);
  if (found === undefined) return undefined;
  return recoverComplete(found, boot) ?? (await recoverPieces(found, boot));
}

/** Synchronous: a cold start asks this of each of ten thousand directories, before anything is served. */
function look(directory: string, nowMs: number): Found | undefined {
  try {
    const handle = openSync(join(directory, versionName), "r");
    try {
      const file = parseVersionFile(readFileSync(handle, "utf8"));
      if (file === undefined || file.version.id !== basename(directory)) return undefined;
      const usedAtMs = Math.min(nowMs, fstatSync(handle).mtimeMs);
      const pieces = statSync(join(directory, piecesName), { throwIfNoEntry: false, bigint: true });
      const journal = statSync(join(directory, journalName), { throwIfNoEntry: false, bigint: true });
      const piecesBytes = Number(pieces?.size ?? 0);
      const takenBytes = Number(pieces?.blocks ?? 0) * 512;
      const writtenAtNs = String(pieces?.mtimeNs ?? 0);
      const journalBytes = Number(journal?.size ?? 0);
      const writtenSince = (pieces?.mtimeNs ?? 0n) > (journal?.mtimeNs ?? 0n);
      return { directory, file, usedAtMs, piecesBytes, takenBytes, writtenAtNs, journalBytes, writtenSince };
    } finally {
      closeSync(handle);
    }
  } catch {
    return undefined;
  }
}

function recoverComplete(found: Found, boot: string): Recovered | undefined {
  const { file, piecesBytes, journalBytes } = found;
  const { length, pieceLength } = file.version;
  if (file.state !== "complete" || length === null || piecesBytes !== length) return undefined;
  if (file.boot !== undefined && file.boot !== boot) return undefined;
  if (file.writtenAtNs !== undefined && file.writtenAtNs !== found.writtenAtNs) return undefined;
  const pieces = countPieces(length, pieceLength);
  if (journalBytes < headerBytes + pieces * recordBytes) return undefined;
  const held = new Bitset();
  held.addRange(0, pieces);
  const facts = factsOf(found, file.version, held);
  return {
    facts,
    journalEndBytes: journalBytes,
    digests: undefined,
    durable: file.boot === undefined,
    writtenAtNs: found.writtenAtNs,
  };
}

async function recoverPieces(found: Found, boot: string): Promise<Recovered> {
  const { directory, file } = found;
  const journalPath = join(directory, journalName);
  const journal = parseJournal(found.journalBytes === 0 ? new Uint8Array() : readFileSync(journalPath));
  const claimed = claims(found, journal.records);
  const believed = file.state === "partial" && journal.boot === boot && !found.writtenSince;
  const records = believed ? claimed : await prove(found, claimed);
  const held = Bitset.of(...records.map((record) => record.index));
  const digests = new DigestTable();
  for (const { index, digest } of records) digests.set(index, digest);
  let journalEndBytes = journal.endBytes;
  if (!believed) {
    await writeJournal(journalPath, boot, records);
    journalEndBytes = headerBytes + records.length * recordBytes;
  }
  const complete = file.state === "complete" && isWhole(found, held);
  const state = complete ? "complete" : "partial";
  const digest = complete ? file.digest : undefined;
  if (file.state === "complete") {
    const writtenAtNs = complete ? found.writtenAtNs : undefined;
    const proved = { ...file, state, digest, boot: complete ? boot : undefined, writtenAtNs } as const;
    await writeVersionFile(join(directory, versionName), proved, false);
  }
  const { takenBytes } = found;
  const facts = { ...factsOf(found, file.version, held), state, digest, ...(complete ? {} : { takenBytes }) } as const;
  return { facts, journalEndBytes, digests, durable: false, writtenAtNs: complete ? found.writtenAtNs : undefined };
}

/** When a file was written last, in nanoseconds. */
export async function writtenAt(path: string): Promise<string> {
  return String((await stat(path, { bigint: true })).mtimeNs);
}

function factsOf(found: Found, version: VersionRecord, held: Bitset): HoldingFacts {
  const { state, digest, createdAtMs } = found.file;
  let last = -1;
  for (const index of held) last = index;
  const endBytes = last < 0 ? 0 : pieceEnd(found, last);
  return { version, state, digest, held, endBytes, createdAtMs, usedAtMs: found.usedAtMs };
}

/** The newest claim on each piece that can be one: within the content and within the file. */
function claims(found: Found, records: readonly JournalRecord[]): readonly JournalRecord[] {
  const { length, pieceLength } = found.file.version;
  const claimed = new Map<number, JournalRecord>();
  for (const record of records) {
    const start = record.index * pieceLength;
    const end = length === null ? start + 1 : pieceEnd(found, record.index);
    if (end > start && end <= found.piecesBytes) claimed.set(record.index, record);
  }
  return [...claimed.values()];
}

function pieceEnd(found: Found, index: number): number {
  const { length, pieceLength } = found.file.version;
  return Math.min((index + 1) * pieceLength, length ?? found.piecesBytes);
}

function isWhole(found: Found, held: Bitset): boolean {
  const { length, pieceLength } = found.file.version;
  return length !== null && held.count === countPieces(length, pieceLength) && found.piecesBytes === length;
}

async function prove(found: Found, claimed: readonly JournalRecord[]): Promise<readonly JournalRecord[]> {
  if (claimed.length === 0) return [];
  const proved: JournalRecord[] = [];
  const { pieceLength } = found.file.version;
  const buffer = Buffer.allocUnsafe(pieceLength);
  const pieces = await open(join(found.directory, piecesName), "r");
  try {
    for (const record of claimed) {
      const start = record.index * pieceLength;
      const { bytesRead } = await pieces.read(buffer, 0, pieceEnd(found, record.index) - start, start);
      const digest = createHash("sha256").update(buffer.subarray(0, bytesRead)).digest();
      if (digest.equals(record.digest)) proved.push(record);
    }
  } finally {
    await pieces.close();
  }
  return proved;
}
