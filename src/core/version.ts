// A version: what a task's content was at one moment, and how it is cut into pieces.

import type { Audience, Digest, PieceIndex, TaskId, VersionId } from "./ids.ts";

export interface Version {
  readonly id: VersionId;
  readonly taskId: TaskId;
  /** In bytes; null while the origin has not said and the end has not come. */
  readonly length: number | null;
  readonly pieceLength: number;
}

/** A version and what is needed to ask its origin whether it is still current. */
export interface VersionRecord extends Version {
  /** Shown to people; never carries credentials. */
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Headers that describe the content, in lower case, as the origin gave them. */
  readonly representation?: Readonly<Record<string, string>>;
  /** Whose credentials it was fetched with; absent for public content. Kept as a digest. */
  readonly audience?: Audience;
  /** Of the whole, where the task is named by it: what has another one is never complete. */
  readonly digest?: Digest;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The largest piece there is, in bytes: what a receive buffer must hold. */
export const maxPieceLength = 4 * MIB;
export const minPieceLength = 64 * KIB;

/** A piece's bytes for the root of a file's; by simulation, docs/swarm.md. */
const pieceForRoot = 40;

/**
 * The power of two nearest to a multiple of the length's root. A swarm of N hosts needs log2(N) piece times more than the wire, which short
 * pieces make small; and each piece costs delays and processor time of its own, which long ones do. Where both together are least, the piece
 * grows as the root. The manifest states the result; nobody else derives it.
 */
export function choosePieceLength(length: number | null): number {
  if (length === null) return 512 * KIB;
  const nearest = 2 ** Math.round(Math.log2(Math.max(1, pieceForRoot * Math.sqrt(length))));
  return Math.min(maxPieceLength, Math.max(minPieceLength, nearest));
}

export function countPieces(length: number, pieceLength: number): number {
  return Math.ceil(length / pieceLength);
}

/** Bytes of one piece: the last is shorter. With an unknown length every piece is taken as whole. */
export function pieceBytes(version: Pick<Version, "length" | "pieceLength">, index: PieceIndex): number {
  const { length, pieceLength } = version;
  if (length === null) return pieceLength;
  return Math.max(0, Math.min(pieceLength, length - index * pieceLength));
}
