// What the HTTP APIs answer, as schemas. Objects are strict: what is answered is in here, or a test says so.

import { z } from "zod";
import { causes, dropReasons } from "../core/explain.ts";
import { waits } from "../core/waiting.ts";

const count = z.number().int().nonnegative();
const rate = z.number().nonnegative();
const share = z.number().min(0).max(1);
export const hexId = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const time = z.iso.datetime();
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

export const bytesBySourceSchema = z.strictObject({ peers: count, supernode: count, origin: count });

/** RFC 9457, with the code of docs/errors.md. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: count,
  detail: z.string(),
  code: z.string().describe("of docs/errors.md"),
  blame: z.enum(["caller", "origin", "peer", "self"]),
  message: z.string(),
  originStatus: count.optional(),
  retryAfterMs: rate.optional(),
});

export const wireErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  blame: z.string().optional(),
  originStatus: count.optional(),
  retryAfterMs: rate.optional(),
});

export const healthSchema = z.strictObject({ status: z.literal("ok") });
export const readySchema = z.strictObject({ status: z.literal("ready") });
export const stoppingSchema = z.strictObject({ status: z.literal("stopping") });
/** An OpenAPI document. */
export const documentSchema = z.looseObject({ openapi: z.string() });

export const taskSchema = z.strictObject({
  id: hexId(64),
  version: hexId(64),
  url: z.string(),
  state: z.enum(["idle", "reading", "complete", "failed"]),
  length: count.nullable(),
  pieceLength: count,
  pieces: count.nullable(),
  heldPieces: count,
  digest: digest.nullable(),
  peers: z.strictObject({ fetching: count, complete: count }),
  bytesBySource: bytesBySourceSchema,
});
export type TaskAnswer = z.infer<typeof taskSchema>;

export const peerSchema = z.strictObject({
  host: hexId(32),
  address: z.string().nullable(),
  state: z.enum(["fetching", "complete"]),
  heldPieces: count,
  bytesBySource: bytesBySourceSchema,
  neighbours: z.array(hexId(32)),
});
export type PeerAnswer = z.infer<typeof peerSchema>;

const standing = z.enum(["free", "isolated", "probation"]);

export const hostSchema = z.strictObject({
  id: hexId(32),
  address: z.string().nullable(),
  labels: z.strictObject({ zone: z.string().optional(), rack: z.string().optional() }),
  limits: z.strictObject({ download: rate, upload: rate }).nullable(),
  tasks: count,
  strikes: z.array(
    z.strictObject({
      reason: z.enum(["corrupt", "stalled", "lied", "slow", "operator"]),
      by: hexId(32).nullable(),
      version: hexId(64).nullable(),
      piece: count.nullable(),
      at: time,
    }),
  ),
  load: z
    .strictObject({
      givingWay: z.boolean(),
      othersSentRate: rate,
      pressure: z.strictObject({ cpu: rate, disk: rate, memory: rate }),
    })
    .nullable(),
  isolated: z.boolean(),
  standing,
  until: time.nullable(),
});

export type HostAnswer = z.infer<typeof hostSchema>;

export const originSchema = z.strictObject({
  origin: z.string(),
  standing,
  until: time.nullable(),
  error: z.string().nullable(),
});

export const hostExplanationSchema = z.strictObject({
  host: hexId(32),
  state: z.enum(["fetching", "complete", "failed"]),
  elapsedMs: count.nullable(),
  bytesBySource: bytesBySourceSchema,
  bestBytesPerSecond: count.nullable(),
  cause: z.enum(causes),
  setBy: z.string().nullable(),
  waits: z.partialRecord(z.enum(waits), share),
  from: z.array(z.strictObject({ host: hexId(32), bytes: count })),
  dropped: z.array(z.strictObject({ host: hexId(32), reason: z.enum(dropReasons) })),
  bound: z.strictObject({ seconds: rate, by: z.enum(["source", "downlink", "uplinks"]), times: rate }).nullable(),
  words: z.array(z.string()),
});

export const taskExplanationSchema = z.strictObject({
  task: hexId(64),
  version: hexId(64),
  url: z.string(),
  length: count.nullable(),
  causes: z.partialRecord(z.enum(causes), count).optional(),
  hosts: z.array(hostExplanationSchema),
});

const preheatStates = ["waiting", "running", "done", "failed", "cancelled"] as const;
const stateCounts = z.strictObject(
  Object.fromEntries(preheatStates.map((state) => [state, count])) as Record<
    (typeof preheatStates)[number],
    typeof count
  >,
);

const preheat = {
  id: z.string(),
  type: z.enum(["file", "image"]),
  url: z.string(),
  to: z.string(),
  platforms: z.array(z.string()),
  state: z.enum(preheatStates),
  hosts: count,
  bytes: count,
  totalBytes: count.nullable(),
  contents: stateCounts,
  createdAt: time,
  finishedAt: time.nullable(),
  error: wireErrorSchema.optional(),
};
export const preheatSchema = z.strictObject(preheat);
export const preheatDetailSchema = z.strictObject({
  ...preheat,
  children: z.array(
    z.strictObject({
      kind: z.enum(["file", "manifest", "blob"]),
      url: z.string(),
      digest: digest.nullable(),
      length: count.nullable(),
      state: z.enum(preheatStates),
      bytes: count,
      seed: z.strictObject({
        state: z.enum(preheatStates),
        bytes: count,
        attempts: count,
        error: wireErrorSchema.optional(),
      }),
      hosts: stateCounts,
      failures: z.array(z.strictObject({ host: hexId(32), attempts: count, error: wireErrorSchema.optional() })),
    }),
  ),
});

export const heldTaskSchema = z.strictObject({
  id: hexId(64),
  version: hexId(64),
  url: z.string(),
  state: z.enum(["partial", "complete", "fetching"]),
  length: count.nullable(),
  pieceLength: count,
  heldPieces: count,
  digest: digest.nullable(),
  bytesBySource: bytesBySourceSchema.nullable(),
  usedAt: time,
});

export const statusSchema = z.strictObject({
  version: z.string(),
  supernodes: z.array(z.string()),
  standIn: z.boolean(),
});

/** `readDownloadRequest` checks the same without a schema library, for dfget's sake. */
export const downloadRequestSchema = z.strictObject({
  url: z.string().describe("may hold user and password"),
  headers: z.record(z.string(), z.string()).describe("for the origin"),
  backToSource: z.boolean().describe("false: never read the origin"),
  order: z.enum(["any", "stream"]).describe("stream: the bytes are wanted in order"),
  tag: z.string().optional(),
  range: z
    .string()
    .regex(/^\d+-\d*$/)
    .optional(),
  digest: digest.optional(),
  filter: z.array(z.string()).optional(),
  rateBytesPerSecond: count.optional().describe("0 is unlimited"),
  timeoutMs: count.optional(),
  maxAgeMs: count.optional().describe("how old the origin's word that it is current may be"),
  ca: z.string().optional().describe("PEM"),
  insecureOrigin: z.boolean().optional(),
});
