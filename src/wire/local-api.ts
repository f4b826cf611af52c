// What dfget and the daemon say to each other over the daemon's socket: the body of a download request, the lines that answer it,
// and the status. The guards are plain code, because dfget must not wait for a schema library to load.

import { DragonflyError, type WireError } from "../core/error.ts";
import type { HostExplanation } from "../core/explain.ts";
import type { TaskId, VersionId } from "../core/ids.ts";

/** `POST /api/v1/downloads`. Holds credentials: never logged or stored. */
export interface DownloadRequest {
  /** May hold user and password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tag?: string;
  /** `first-last`, or `first-` to the end. */
  readonly range?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
  readonly filter?: readonly string[];
  readonly rateBytesPerSecond?: number;
  readonly timeoutMs?: number;
  /** How old the origin's word that a version is current may be. */
  readonly maxAgeMs?: number;
  readonly backToSource: boolean;
  /** PEM. */
  readonly ca?: string;
  readonly insecureOrigin?: boolean;
  /** `stream` when the bytes are wanted in order. */
  readonly order: "any" | "stream";
}

export interface BytesBySource {
  readonly peers: number;
  readonly supernode: number;
  readonly origin: number;
}

/** First index, and the one after the last. */
export type PieceRange = readonly [from: number, to: number];

/** May come again: with another version the content has changed, and whoever writes it starts over. */
export interface Accepted {
  readonly type: "accepted";
  readonly taskId: TaskId;
  readonly versionId: VersionId;
  readonly url: string;
  readonly length: number | null;
  readonly pieceLength: number;
  /** The raw file, for a reader that may open it; null when there is none. */
  readonly file: string | null;
}

export interface Note {
  readonly type: "note";
  readonly message: string;
}

export interface Progress {
  readonly type: "progress";
  readonly bytes: number;
  readonly length: number | null;
  /** Verified since the last line. */
  readonly pieces: readonly PieceRange[];
  readonly from: BytesBySource;
  readonly peers: number;
  readonly rateBytesPerSecond: number;
}

export interface Done {
  readonly type: "done";
  readonly bytes: number;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string | null;
  /** What `piecesDigest` says of the pieces that were verified, for whoever has read them; absent where one of their digests is lost. */
  readonly piecesDigest?: string;
  /** The daemon had it all. */
  readonly reused: boolean;
  readonly from: BytesBySource;
  readonly peers: number;
  /** Why it was as fast as it was; absent where nothing was fetched. */
  readonly explanation?: HostExplanation;
}

export interface Failed {
  readonly type: "failed";
  readonly error: WireError;
}

/** One line of the answer (`application/x-ndjson`). */
export type DownloadEvent = Accepted | Note | Progress | Done | Failed;

/** `GET /api/v1/status`. */
export interface DaemonStatus {
  readonly supernodes: readonly string[];
  readonly version: string;
  /** A dfget started it, and it leaves for a daemon that is there to stay. */
  readonly standIn: boolean;
}

/** The longest line of an answer, in bytes: a `progress` that lists every second piece of a very large file stays below it. */
export const maxEventBytes = 1 << 20;

/** Throws `protocol-violation`. Lines of an unknown type are for newer clients: null. */
export function readDownloadEvent(json: unknown): DownloadEvent | null {
  const line = fieldsOf(json);
  if (line === null) throw violation("a line that is no object");
  if (!guards.some(([type]) => type === line.type)) return null;
  const valid = guards.some(([type, guard]) => type === line.type && guard(line));
  if (!valid) throw violation(`a malformed "${String(line.type)}" line`);
  return json as DownloadEvent;
}

/** Throws `protocol-violation`. */
export function readDaemonStatus(json: unknown): DaemonStatus {
  const status = fieldsOf(json);
  if (status === null || !isList(status.supernodes, isText)) throw violation("a malformed status");
  return {
    supernodes: status.supernodes,
    version: isText(status.version) ? status.version : "unknown",
    standIn: status.standIn === true,
  };
}

/** Throws `bad-usage` with the name of the field that is wrong. */
export function readDownloadRequest(json: unknown): DownloadRequest {
  const body = fieldsOf(json);
  if (body === null) throw new DragonflyError("bad-usage", "the request body is not a JSON object");
  for (const [name, guard] of Object.entries(requestGuards)) {
    if (!guard(body[name]))
      throw new DragonflyError("bad-usage", `the request body's "${name}" is missing or malformed`);
  }
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(requestGuards, name));
  if (unknown !== undefined) throw new DragonflyError("bad-usage", `the request body has an unknown key "${unknown}"`);
  return json as DownloadRequest;
}

type Fields = Readonly<Record<string, unknown>>;
type Guard = (value: unknown) => boolean;

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isLength = (value: unknown): boolean => value === null || isCount(value);
const absentOr =
  (guard: Guard): Guard =>
  (value) =>
    value === undefined || guard(value);
const isId = (value: unknown): boolean => isText(value) && /^[0-9a-f]{64}$/.test(value);
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isRate = (value: unknown): boolean => typeof value === "number" && value >= 0;

/** RFC 9110, section 5: what could end a line or a head is no part of one. */
function isHeaders(headers: Fields | null): boolean {
  const entries = Object.entries(headers ?? { "": null });
  const isLine = (value: unknown): boolean => isText(value) && value.length <= 65_536 && /^[^\r\n\0]*$/.test(value);
  return (
    entries.length <= 256 &&
    entries.every(([name, value]) => /^[!#$%&'*+.^_`|~\w-]{1,256}$/.test(name) && isLine(value))
  );
}

const requestGuards: Readonly<Record<keyof DownloadRequest, Guard>> = {
  url: (value) => isText(value) && URL.canParse(value),
  headers: (value) => isHeaders(fieldsOf(value)),
  tag: absentOr(isText),
  range: absentOr((value) => isText(value) && /^\d+-\d*$/.test(value)),
  digest: absentOr((value) => isText(value) && /^sha256:[0-9a-f]{64}$/.test(value)),
  filter: absentOr((value) => isList(value, isText)),
  rateBytesPerSecond: absentOr(isCount),
  timeoutMs: absentOr(isCount),
  maxAgeMs: absentOr(isCount),
  backToSource: isFlag,
  ca: absentOr(isText),
  insecureOrigin: absentOr(isFlag),
  order: (value) => value === "any" || value === "stream",
};

const guards: readonly (readonly [DownloadEvent["type"], (line: Fields) => boolean])[] = [
  [
    "accepted",
    ({ taskId, versionId, url, length, pieceLength, file }) =>
      isId(taskId) &&
      isId(versionId) &&
      isText(url) &&
      isLength(length) &&
      isCount(pieceLength) &&
      pieceLength > 0 &&
      (file === null || isText(file)),
  ],
  ["note", ({ message }) => isText(message)],
  [
    "progress",
    ({ bytes, length, pieces, from, peers, rateBytesPerSecond }) =>
      isCount(bytes) &&
      isLength(length) &&
      isList(pieces, isPieceRange) &&
      isBySource(from) &&
      isCount(peers) &&
      isRate(rateBytesPerSecond),
  ],
  [
    "done",
    ({ bytes, digest, piecesDigest, reused, from, peers, explanation }) =>
      isCount(bytes) &&
      (digest === null || isText(digest)) &&
      (piecesDigest === undefined || isText(piecesDigest)) &&
      isFlag(reused) &&
      isBySource(from) &&
      isCount(peers) &&
      (explanation === undefined || isList(fieldsOf(explanation)?.words, isText)),
  ],
  ["failed", ({ error }) => isText(fieldsOf(error)?.code) && isText(fieldsOf(error)?.message)],
];

function isPieceRange(value: unknown): value is PieceRange {
  return Array.isArray(value) && value.length === 2 && isCount(value[0]) && isCount(value[1]) && value[0] < value[1];
}

function isBySource(value: unknown): boolean {
  const from = fieldsOf(value);
  return from !== null && isCount(from.peers) && isCount(from.supernode) && isCount(from.origin);
}

function isList<T>(value: unknown, guard: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(guard);
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function violation(what: string): DragonflyError {
  return new DragonflyError("protocol-violation", `the daemon sent ${what}: is it of another version?`, {
    blame: "self",
  });
}
