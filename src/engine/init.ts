// Points an engine at a mirror and takes that back. First everything is planned, which changes nothing; then it is written, in an
// order that leaves a record from which an interrupted run can be undone.

import { dirname } from "node:path";
import { DragonflyError } from "../core/error.ts";
import type { ConfigTree } from "./config-tree.ts";
import { backupOf, type EditRecord, editOf, type FileEdit, parseRecord, revert } from "./edit-record.ts";
import type { Engine, Tree, Wish } from "./engine.ts";

/** Undefined is a file that is not there. */
export interface Change {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface Edit {
  readonly purpose: "init" | "undo";
  /** None: there is nothing to do. */
  readonly changes: readonly Change[];
  readonly notes: readonly string[];
  readonly recordPath: string;
  readonly oldRecord: EditRecord | undefined;
  /** What can be taken back afterwards: files, and their text without our edit, for the backups. */
  readonly edits: readonly FileEdit[];
  readonly originals: ReadonlyMap<string, string | undefined>;
}

/** What is to be done so that the engine uses the mirror, for just these registries. An earlier edit is replaced. */
export async function planInit(engine: Engine, tree: ConfigTree, wish: Wish): Promise<Edit> {
  const recordPath = recordOf(engine);
  const oldRecord = await readRecord(tree, recordPath);
  let reverted: ReadonlyMap<string, string | undefined>;
  try {
    reverted = await revertAll(tree, oldRecord);
  } catch (conflict) {
    // Who edited the file since may still have left the mirror in it.
    const edit = await planOver(engine, wish, { tree, recordPath, oldRecord, reverted: new Map() });
    if (edit.changes.length === 0) return edit;
    throw conflict;
  }
  return await planOver(engine, wish, { tree, recordPath, oldRecord, reverted });
}

/** What is to be done so that everything is as before. */
export async function planUndo(engine: Engine, tree: ConfigTree): Promise<Edit> {
  const recordPath = recordOf(engine);
  const oldRecord = await readRecord(tree, recordPath);
  const reverted = await revertAll(tree, oldRecord);
  const changes: Change[] = [];
  for (const [path, after] of reverted) changes.push({ path, before: await tree.read(path), after });
  return {
    ...{ purpose: "undo", changes: changes.filter(isChange), notes: [] },
    ...{ recordPath, oldRecord, edits: [], originals: new Map() },
  };
}

/** Throws before anything is written if a file changed since the plan. */
export async function applyEdit(tree: ConfigTree, edit: Edit): Promise<void> {
  const { purpose, changes, recordPath, oldRecord, edits, originals } = edit;
  if (purpose === "init" && changes.length === 0) return;
  await checkUnchanged(tree, edit);
  const made = new Set(oldRecord?.made ?? []);
  if (edits.length > 0) {
    for (const { path } of [...edits, { path: recordPath }]) {
      for (const directory of await tree.missingAbove(path)) made.add(directory);
    }
    for (const { path } of [...edits, { path: recordPath }]) await tree.makeDirectory(dirname(path));
    for (const [path, text] of originals)
      if (text !== undefined) await tree.write(backupOf(path), text, { like: path });
    const record: EditRecord = { format: 1, files: [...edits], made: [...made] };
    // It quotes lines of files that may be secret.
    await tree.write(recordPath, `${JSON.stringify(record, null, 2)}\n`, { newMode: 0o600 });
  }
  for (const { path, after } of changes) {
    if (after === undefined) await tree.remove(path);
    else await tree.write(path, after);
  }
  const kept = new Set(edits.map(({ path }) => path));
  for (const { path } of oldRecord?.files ?? []) if (!kept.has(path)) await tree.remove(backupOf(path));
  if (edits.length === 0) await tree.remove(recordPath);
  // Several engines have their records in one place, and the last one leaves it.
  for (const directory of [...made, dirname(recordPath), dirname(dirname(recordPath))].sort().reverse()) {
    await tree.removeDirectory(directory);
  }
}

interface Ground {
  readonly tree: ConfigTree;
  readonly recordPath: string;
  readonly oldRecord: EditRecord | undefined;
  /** The files of the old record, as they are without its edits. */
  readonly reverted: ReadonlyMap<string, string | undefined>;
}

async function planOver(engine: Engine, wish: Wish, { tree, reverted, ...ground }: Ground): Promise<Edit> {
  const view: Tree = {
    read: async (path) => (reverted.has(path) ? reverted.get(path) : await tree.read(path)),
    list: (directory) => tree.list(directory),
  };
  const { files, notes } = await engine.plan(view, wish);
  const wanted = new Map<string, string | undefined>([
    ...reverted,
    ...files.map(({ path, text }) => [path, text] as const),
  ]);
  const changes: Change[] = [];
  const edits: FileEdit[] = [];
  const originals = new Map<string, string | undefined>();
  for (const [path, after] of wanted) {
    const original = await view.read(path);
    changes.push({ path, before: await tree.read(path), after });
    if (after === undefined || after === original) continue;
    edits.push(editOf(path, original, after));
    originals.set(path, original);
  }
  return { purpose: "init", changes: changes.filter(isChange), notes, edits, originals, ...ground };
}

const isChange = ({ before, after }: Change): boolean => before !== after;

async function checkUnchanged(tree: ConfigTree, { changes, oldRecord, originals }: Edit): Promise<void> {
  for (const { path, before } of changes) {
    if ((await tree.read(path)) === before) continue;
    throw new DragonflyError("bad-config", `${path} was changed by somebody else just now: run this again`);
  }
  const known = new Set(oldRecord?.files.map(({ path }) => path));
  for (const [path, text] of originals) {
    const backup = known.has(path) ? undefined : await tree.read(backupOf(path));
    if (backup === undefined || backup === text) continue;
    const why = "is there already, with another text: move it away, it may be the only one";
    throw new DragonflyError("bad-config", `${backupOf(path)} ${why}`);
  }
}

async function readRecord(tree: ConfigTree, path: string): Promise<EditRecord | undefined> {
  const text = await tree.read(path);
  return text === undefined ? undefined : parseRecord(path, text);
}

async function revertAll(tree: ConfigTree, record: EditRecord | undefined): Promise<Map<string, string | undefined>> {
  const reverted = new Map<string, string | undefined>();
  for (const edit of record?.files ?? []) reverted.set(edit.path, revert(edit, await tree.read(edit.path)));
  return reverted;
}

function recordOf({ record }: Engine): string {
  return `/var/lib/dragonfly/init/${record}.json`;
}
