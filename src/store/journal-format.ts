// The bytes of a journal: a header, then one record of fixed size for each piece written. Pure: who writes them, and when, is in
// journal.ts. All integers are little-endian.
//
//   header, 64 bytes: "dfpieces" · format u32 · boot id, 36 characters · CRC-32 of these 48 · zeros
//   record, 40 bytes: piece index u32 · SHA-256 of the piece · CRC-32 of these 36

import { crc32 } from "node:zlib";
import type { PieceIndex } from "../core/ids.ts";
import { digestBytes } from "./digest-table.ts";

const magic = "dfpieces";
const format = 1;
export const headerBytes = 64;
const headerSummed = 48;
export const recordBytes = 40;
const recordSummed = 4 + digestBytes;

export interface JournalRecord {
  readonly index: PieceIndex;
  readonly digest: Uint8Array;
}

export interface ParsedJournal {
  /** The run of the machine in which it was written; undefined when the header is damaged. */
  readonly boot: string | undefined;
  /** In the order of writing, without those that are damaged: each record's sum speaks for it alone. */
  readonly records: readonly JournalRecord[];
  /** Where the next record belongs: a torn one at the end is overwritten. */
  readonly endBytes: number;
}

export function encodeHeader(boot: string): Uint8Array {
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 0, "latin1");
  header.writeUInt32LE(format, 8);
  header.write(boot, 12, 36, "latin1");
  header.writeUInt32LE(crc32(header.subarray(0, headerSummed)), headerSummed);
  return header;
}

export function encodeRecords(records: readonly JournalRecord[]): Uint8Array {
  const block = Buffer.alloc(records.length * recordBytes);
  let at = 0;
  for (const { index, digest } of records) {
    block.writeUInt32LE(index, at);
    block.set(digest, at + 4);
    block.writeUInt32LE(crc32(block.subarray(at, at + recordSummed)), at + recordSummed);
    at += recordBytes;
  }
  return block;
}

export function parseJournal(bytes: Uint8Array): ParsedJournal {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boot = parseBoot(view);
  if (boot === "foreign") return { boot: undefined, records: [], endBytes: headerBytes };
  const count = Math.max(0, Math.floor((view.length - headerBytes) / recordBytes));
  const records: JournalRecord[] = [];
  for (let at = headerBytes; at < headerBytes + count * recordBytes; at += recordBytes) {
    const sum = crc32(view.subarray(at, at + recordSummed));
    if (sum !== view.readUInt32LE(at + recordSummed)) continue;
    records.push({ index: view.readUInt32LE(at), digest: view.subarray(at + 4, at + recordSummed) });
  }
  return { boot, records, endBytes: headerBytes + count * recordBytes };
}

/** "foreign" is an intact header of another format, whose records must not be read as ours. */
function parseBoot(view: Buffer): string | "foreign" | undefined {
  if (view.length < headerBytes) return undefined;
  if (crc32(view.subarray(0, headerSummed)) !== view.readUInt32LE(headerSummed)) return undefined;
  if (view.toString("latin1", 0, 8) !== magic || view.readUInt32LE(8) !== format) return "foreign";
  return view.toString("latin1", 12, headerSummed);
}
