// What `dragonfly init` edited, kept so that it can be taken back: as it was, byte for byte, or out of a file that was edited since.

import { createHash } from "node:crypto";
import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import { type Hunk, hunkBetween, takeBack } from "./text-edit.ts";
import { scanToml, type TomlStatement } from "./toml.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const absolute = z.string().regex(/^(?:\/(?!\.\.?(?:\/|$))[^/\0]+)+$/);

const fileEdit = z.object({
  path: absolute,
  /** SHA-256 of the file before and after; null is a file that was not there. */
  before: digest.nullable(),
  after: digest,
  hunk: z.object({ line: z.int().nonnegative(), removed: z.string(), inserted: z.string() }),
});

const record = z.object({
  format: z.literal(1),
  files: z.array(fileEdit).max(1000),
  /** Directories that were made, outermost first. */
  made: z.array(absolute).max(1000),
});

export type FileEdit = z.infer<typeof fileEdit>;
export type EditRecord = z.infer<typeof record>;

export function parseRecord(path: string, text: string): EditRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = record.safeParse(value);
  if (parsed.success) return parsed.data;
  const what = "it is no record of dragonfly init: restore the backups beside the edited files by hand and remove it";
  throw new DragonflyError("bad-config", `${path}: ${what}`);
}

export function backupOf(path: string): string {
  return `${path}.before-dragonfly`;
}

export function editOf(path: string, before: string | undefined, after: string): FileEdit {
  const hunk: Hunk = hunkBetween(before ?? "", after);
  return { path, before: before === undefined ? null : sha256(before), after: sha256(after), hunk };
}

/** The file without our edit; undefined where it was not there before. Throws `bad-config` if it cannot be told apart any more. */
export function revert({ path, before, after, hunk }: FileEdit, now: string | undefined): string | undefined {
  if (now === undefined && before === null) return undefined;
  if (now === undefined) throw conflict(path, "it is gone");
  if (sha256(now) === before) return now;
  if (isGone(now, hunk)) return now;
  const exact = sha256(now) === after;
  if (exact && before === null) return undefined;
  if (before === null) throw conflict(path, "it was edited since dragonfly init wrote it");
  const reverted = takeBack(now, hunk, exact);
  if (reverted === undefined || !(exact || isSound(path, { now, reverted, removed: hunk.removed }))) {
    throw conflict(path, "it was edited since, where dragonfly init did");
  }
  return reverted;
}

/** Whether somebody removed it before us: no URL, address or path that was added is there. */
function isGone(now: string, { removed, inserted }: Hunk): boolean {
  const strings = inserted.match(/"[^"\n]*"|'[^'\n]*'/g) ?? [];
  const added = strings.filter((one) => /[/:]/.test(one) && !removed.includes(one));
  return added.length > 0 && added.every((one) => !now.includes(one.slice(1, -1)));
}

/** Whether taking our lines out left everything else what it was. */
function isSound(path: string, { now, reverted, removed }: Reverting): boolean {
  try {
    if (path.endsWith(".json")) return typeof JSON.parse(reverted) === "object";
    const held = new Set(scanToml(path, now).map(meaningOf));
    return scanToml(path, reverted).every((one) => held.has(meaningOf(one)) || isAmong(removed, one));
  } catch {
    return false;
  }
}

interface Reverting {
  readonly now: string;
  readonly reverted: string;
  /** The lines that came back. */
  readonly removed: string;
}

function isAmong(removed: string, { kind, value }: TomlStatement): boolean {
  return kind === "entry" && removed.includes(value);
}

function meaningOf({ kind, path, value }: TomlStatement): string {
  return JSON.stringify([kind, path, value]);
}

function conflict(path: string, what: string): DragonflyError {
  const todo = `remove the mirror by hand; what was there before is in ${backupOf(path)}, unless the file was new`;
  return new DragonflyError("bad-config", `${path}: ${what}, so it is left as it is: ${todo}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
