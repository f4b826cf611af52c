// The file that says what a directory of the store holds; a directory without a readable one holds nothing.

import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import type { VersionRecord } from "../core/version.ts";

const schema = z.object({
  format: z.literal(1),
  version: z.object({
    id: z.string().regex(/^[0-9a-f]{64}$/),
    taskId: z.string(),
    length: z.number().int().nonnegative().nullable(),
    pieceLength: z.number().int().positive(),
    url: z.string(),
    etag: z.string().optional(),
    lastModified: z.string().optional(),
    representation: z.record(z.string(), z.string()).optional(),
    audience: z.string().optional(),
    digest: z.string().optional(),
  }),
  state: z.enum(["partial", "complete"]),
  digest: z.string().optional(),
  /** The run of the machine in which it was completed; absent once all of it is known to be on the disk. */
  boot: z.string().optional(),
  /** When the pieces were written last, in nanoseconds as text: at any other time somebody else has written. */
  writtenAtNs: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
  createdAtMs: z.number(),
});

export interface VersionFile {
  readonly version: VersionRecord;
  readonly state: "partial" | "complete";
  readonly digest?: string | undefined;
  readonly boot?: string | undefined;
  readonly writtenAtNs?: string | undefined;
  readonly createdAtMs: number;
}

/** Undefined when it is not ours, damaged or of another format. */
export function parseVersionFile(text: string): VersionFile | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) return undefined;
  const { version, state } = parsed.data;
  if (state === "complete" && version.length === null) return undefined;
  return { ...parsed.data, version: version as VersionRecord };
}

export function writeVersionFile(path: string, file: VersionFile, durable: boolean): Promise<void> {
  return replaceFile(path, Buffer.from(`${JSON.stringify({ format: 1, ...file })}\n`), durable);
}

/** Whoever reads the file sees the old or the new bytes; with `durable` the new ones also after the machine lost its power. */
export async function replaceFile(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(bytes);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  if (durable) await syncPath(dirname(path));
}

/** Of a file or a directory. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
