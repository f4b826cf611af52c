// The control channel's messages: JSON, one object a WebSocket message, checked against these schemas before anything acts on them.
// Unknown optional fields are ignored, unknown types refused.

import { z } from "zod";
import { type Blame, DragonflyError } from "../core/error.ts";
import { dropReasons } from "../core/explain.ts";
import type { Digest, HostId, TaskId, VersionId } from "../core/ids.ts";
import { maxCells } from "../core/piece-map.ts";
import { waits } from "../core/waiting.ts";
import { maxPieces } from "./frame.ts";
import { isDeeperThan } from "./json-depth.ts";

export const controlProtocol = 1;
/** A larger message closes the channel. */
export const maxControlBytes = 8 << 20;
/** Orders to fetch that one host has at a time, waiting or running. */
export const maxOrders = 1024;
export const maxKnownKeys = 64;
/** Of one download: the hosts that gave most, and the neighbours that were dropped last. */
export const maxToldSources = 16;
export const maxToldDrops = 32;
/** Versions that one message asks about. */
const maxAskedVersions = 1024;
const maxHeaders = 256;
/** The deepest message there is has six. */
const maxDepth = 16;

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const taskId = hex(64).transform((id) => id as TaskId);
const versionId = hex(64).transform((id) => id as VersionId);
const hostId = hex(32).transform((id) => id as HostId);
const contentDigest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .transform((digest) => digest as Digest);
const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
/** `HOST:PORT`, or `:PORT`. It gets into a request's head, where a line end would begin another line. */
const address = z
  .string()
  .max(300)
  .regex(/^(?:\[[0-9a-fA-F:.%]{2,64}\]|[\w.-]*):\d{1,5}$/);
const sealKey = z.string().max(64);
/** RFC 9110, section 5: what could end a line or a head is no part of one. */
const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~\w-]{1,256}$/),
    z
      .string()
      .max(65_536)
      .regex(/^[^\r\n\0]*$/),
  )
  .refine((all) => Object.keys(all).length <= maxHeaders, `more than ${maxHeaders} headers`);
/** PEM. */
const certificates = z.string().max(1 << 20);

const rate = z.number().nonnegative();
/** Bytes a second; 0 is unlimited. */
const hostLimits = z.object({ download: rate, upload: rate });
/** What the host measured of the download (core/explain.ts). */
const downloadFacts = z.object({
  elapsedMs: z.number().nonnegative(),
  looks: z.record(z.enum(waits), count),
  spread: z.number().nonnegative().nullable(),
  sources: z.number().nonnegative(),
  full: z.number().min(0).max(1),
  bestBytesPerSecond: rate,
  from: z
    .array(z.object({ host: hostId, bytes: count }))
    .max(maxToldSources)
    .readonly(),
  dropped: z
    .array(z.object({ host: hostId, reason: z.enum(dropReasons) }))
    .max(maxToldDrops)
    .readonly(),
  limits: z.object({ request: rate, host: rate }),
  supernode: z.enum(["up", "away", "none"]),
  isolated: z.boolean(),
});
const bytesBySource = z.object({ peers: count, supernode: count, origin: count });
const wireError = z.object({
  code: z.string().max(64),
  blame: z.enum(["caller", "origin", "peer", "self"] satisfies Blame[]),
  message: z.string().max(4096),
  originStatus: count.optional(),
  retryAfterMs: count.optional(),
});
const pieceIndex = count.max(maxPieces);
/** Half-open, in order and apart: so that they name no more pieces than a version can have. */
const runs = (most: number) =>
  z
    .array(z.tuple([pieceIndex, pieceIndex]))
    .max(most)
    .refine(
      (all) => all.every(([from, to], nth) => from <= to && from >= (all[nth - 1]?.[1] ?? 0)),
      "runs out of order",
    );
const batch = z.object({ runs: runs(1_000_000), digests: z.string(), signature: z.string().max(128) });
const seal = z.object({ length: count, digest: hex(64).nullable(), signature: z.string().max(128) });
const manifest = z.object({ batch: batch.optional(), seal: seal.optional() });
const someVersions = z.array(versionId).max(maxAskedVersions).readonly();
const signedPart = z.object({ key: z.string().max(256), part: manifest });
const holdings = z.array(z.object({ task: taskId, version: versionId, complete: z.boolean() })).max(100_000);
/** Public keys of supernodes that the host has met, as they came in `welcome`. */
const keys = z.array(z.string().max(256)).max(maxKnownKeys);
/** One that only gives was not admitted, and may not read. */
const neighbour = z.object({ id: hostId, address: address.nullable(), onlyGives: z.boolean().optional() });
const neighbours = z.array(neighbour).max(256);
/** What a watched download tells beyond its sums. */
const progressDetail = z.object({
  /** Pieces a cell, how many cells there are, and bits of those that are held, as in a frame's bitmap, in base64. */
  stride: count.positive(),
  cells: count.max(maxCells),
  held: z.string().max(256),
  /** Bytes by host, the supernode's own among them. */
  givers: z.array(z.tuple([hostId, count])).max(1024),
});

export const fromDaemon = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.literal(controlProtocol),
    host: hostId,
    software: z.string().max(64),
    /** Where others dial for pieces; null for a host that cannot be dialled. */
    address: address.nullable(),
    labels: z.object({ zone: z.string().max(128).optional(), rack: z.string().max(128).optional() }),
    holdings,
    keys: keys.optional(),
    limits: hostLimits.optional(),
    sealKey,
  }),
  /** Another supernode was met. */
  z.object({ type: z.literal("keys"), keys }),
  /** What this host holds of tasks whose home was lost. */
  z.object({ type: z.literal("holdings"), holdings }),
  z.object({
    type: z.literal("register"),
    request: count,
    /** The version that is being downloaded already: its home was lost. */
    version: versionId.optional(),
    url: z.string().max(65_536),
    headers,
    tag: z.string().max(4096).optional(),
    range: z.object({ first: count, last: count.nullable() }).optional(),
    contentDigest: contentDigest.optional(),
    filter: z.array(z.string().max(256)).max(64).optional(),
    ca: certificates.optional(),
    insecureOrigin: z.boolean().optional(),
    onlyShareable: z.boolean().optional(),
    rights: z.string().max(256).optional(),
    /** How old the origin's word that it is current may be. */
    maxAgeMs: count.optional(),
    traceparent: z.string().max(256).optional(),
  }),
  /** Asks for a registry's token; the supernode asks the token service once for all. */
  z.object({
    type: z.literal("get-token"),
    request: count,
    realm: z.string().max(4096),
    service: z.string().max(4096).optional(),
    scopes: z.array(z.string().max(4096)).max(64),
    credentials: z
      .discriminatedUnion("kind", [
        z.object({ kind: z.literal("password"), username: z.string().max(4096), password: z.string().max(65_536) }),
        z.object({ kind: z.literal("identity"), token: z.string().max(65_536) }),
      ])
      .optional(),
    /** One that was refused. */
    instead: z.string().max(65_536).optional(),
    ca: certificates.optional(),
    insecure: z.boolean().optional(),
  }),
  z.object({
    type: z.literal("progress"),
    version: versionId,
    heldPieces: count,
    from: bytesBySource,
    complete: z.boolean(),
    detail: progressDetail.optional(),
    facts: downloadFacts.optional(),
  }),
  z.object({ type: z.literal("more-neighbours"), version: versionId, count: count.max(64), least: hostId.optional() }),
  z.object({
    type: z.literal("piece-failed"),
    version: versionId,
    piece: count,
    from: hostId,
    reason: z.enum(["corrupt", "stalled", "lied", "slow"]),
  }),
  /** It stalls: is it there at all? */
  z.object({ type: z.literal("doubt"), host: hostId }),
  /** The exchange with a neighbour ended on this side; the pair may be introduced again. */
  z.object({ type: z.literal("parted"), version: versionId, neighbour: hostId }),
  // `moved`: it is fetched all the same, at another home.
  z.object({ type: z.literal("leave"), version: versionId, moved: z.boolean().optional() }),
  /** Room has to be made: which of these, all held here, does nobody else hold? Answered by a message of the same name. */
  z.object({ type: z.literal("last-copies"), request: count, versions: someVersions }),
  /** What the host does beside this program; when it changes, every two seconds at most. */
  z.object({
    type: z.literal("load"),
    /** It holds its uploads back for the host's own work. */
    givingWay: z.boolean(),
    /** What others send over its links, in bytes a second. */
    othersSentRate: count,
    /** Of the last second, how much some program waited for each. */
    pressure: z.object({ cpu: share, disk: share, memory: share }),
  }),
  /** How far the orders are that are not over. */
  z.object({ type: z.literal("serving"), orders: z.array(z.object({ order: count, bytes: count })).max(maxOrders) }),
  /** An order is over; without an error all of the content is here. */
  z.object({ type: z.literal("served"), order: count, bytes: count, error: wireError.optional() }),
  /** Answers `recall`. */
  z.object({
    type: z.literal("recalled"),
    version: versionId,
    pieceLength: count,
    held: runs(1_000_000),
    signed: z.array(signedPart).max(100_000),
  }),
  /** Somebody waits for [from, to), which the manifest does not reach yet. */
  z.object({ type: z.literal("read-first"), version: versionId, from: count, to: count }),
  /** The seed and all neighbours lack these. */
  z.object({ type: z.literal("starving"), version: versionId, pieces: runs(100_000) }),
  /** Asks for the next certificate: a request (PKCS #10) in PEM. Answered by `certificate` or `refused`. */
  z.object({ type: z.literal("renew"), request: count, csr: z.string().max(8192) }),
  z.object({ type: z.literal("bye") }),
]);

export const fromSupernode = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    protocol: z.literal(controlProtocol),
    /** The seed's own host id. */
    host: hostId,
    software: z.string().max(64),
    /** The cluster's Ed25519 public key, SPKI in base64. */
    key: z.string().max(256),
    /** Where the supernode serves pieces, as this daemon reaches it; null: at the address it was dialled at. */
    address: address.nullable(),
    sealKey,
  }),
  z.object({
    type: z.literal("task"),
    request: count,
    task: taskId,
    version: versionId,
    url: z.string(),
    length: count.nullable(),
    pieceLength: count.positive(),
    etag: z.string().optional(),
    lastModified: z.string().optional(),
    representation: z.record(z.string().max(64), z.string().max(4096)).optional(),
    manifest,
    neighbours,
    /** The host is isolated: nobody is introduced to it. */
    isolated: z.boolean().optional(),
  }),
  z.object({ type: z.literal("refused"), request: count, error: wireError }),
  z.object({
    type: z.literal("token"),
    request: count,
    token: z.string().max(65_536),
    forMs: z.number().nonnegative(),
  }),
  z.object({ type: z.literal("last-copies"), request: count, versions: someVersions }),
  z.object({ type: z.literal("manifest"), version: versionId, manifest }),
  z.object({ type: z.literal("neighbours"), version: versionId, neighbours }),
  z.object({ type: z.literal("drop"), version: versionId, neighbour: hostId, reason: z.string().max(64) }),
  /** Somebody looks on: tell its progress so often and in detail; 0: as usual again. */
  z.object({ type: z.literal("watch"), version: versionId, everyMs: count.max(60_000) }),
  /** A host that is let in no more, for whichever version. */
  z.object({ type: z.literal("barred"), host: hostId }),
  /** Tell what you hold of it, and what supernodes signed of it. */
  z.object({ type: z.literal("recall"), version: versionId }),
  z.object({ type: z.literal("abandoned"), version: versionId, error: wireError }),
  /** An order: fetch this, so that others find it here. Answered by `served` with the same number. */
  z.object({
    type: z.literal("serve"),
    order: count,
    url: z.string().max(65_536),
    headers,
    tag: z.string().max(4096).optional(),
    filter: z.array(z.string().max(256)).max(64).optional(),
    contentDigest: contentDigest.optional(),
    rights: z.string().max(256).optional(),
    ca: certificates.optional(),
    insecureOrigin: z.boolean().optional(),
    length: count.nullable(),
  }),
  z.object({ type: z.literal("serve-cancelled"), order: count }),
  /** The host's next certificate, and all authorities to be trusted from here on; PEM. */
  z.object({
    type: z.literal("certificate"),
    request: count,
    cert: z.string().max(16_384),
    authorities: z.array(z.string().max(16_384)).min(1).max(64),
  }),
  z.object({ type: z.literal("bye"), reason: z.string().max(1024) }),
]);

export type FromDaemon = z.infer<typeof fromDaemon>;
export type FromSupernode = z.infer<typeof fromSupernode>;
export type FromDaemonOf<T extends FromDaemon["type"]> = Extract<FromDaemon, { type: T }>;
export type FromSupernodeOf<T extends FromSupernode["type"]> = Extract<FromSupernode, { type: T }>;
export type ProgressDetail = z.infer<typeof progressDetail>;
export type SignedPart = z.infer<typeof signedPart>;
export type NeighbourAddress = z.infer<typeof neighbour>;

/** What takes a message out of its seal. */
export type Unseal = (message: unknown) => unknown;

/** Errors: `protocol-violation`, which says what is wrong with the message. */
export function parseFromDaemon(text: string, unseal: Unseal): FromDaemon {
  return parse(fromDaemon, text, unseal);
}

export function parseFromSupernode(text: string, unseal: Unseal): FromSupernode {
  return parse(fromSupernode, text, unseal);
}

function parse<T>(schema: z.ZodType<T>, text: string, unseal: Unseal): T {
  if (isDeeperThan(text, maxDepth))
    throw new DragonflyError("protocol-violation", "a control message is nested too deep");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the cause: it repeats a part of the message.
    throw new DragonflyError("protocol-violation", "a control message is not JSON");
  }
  const result = schema.safeParse(unseal(value));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join(".") ?? "";
  throw new DragonflyError(
    "protocol-violation",
    `a control message is malformed: ${where}: ${issue?.message ?? "unknown"}`,
  );
}
