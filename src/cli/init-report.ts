// What `dragonfly init` prints: the edit before it is made, and afterwards what is left to do.

import type { ConfigTree } from "../engine/config-tree.ts";
import { backupOf } from "../engine/edit-record.ts";
import type { Engine } from "../engine/engine.ts";
import type { Change, Edit } from "../engine/init.ts";
import { unifiedDiff } from "../engine/text-edit.ts";
import type { InitConfig } from "./init-settings.ts";

export interface Report {
  readonly engine: Engine;
  readonly config: InitConfig;
  readonly tree: ConfigTree;
  readonly edit: Edit;
}

export function preview({ tree, edit }: Report): string {
  const shown = edit.changes.map(({ path, before, after }) => unifiedDiff(tree.shown(path), before, after)).join("");
  // What stands in a file must not drive this terminal.
  return shown.replace(/[^\P{Cc}\t\n]/gu, "?");
}

export function conclusion(report: Report): string {
  const { engine, config, edit } = report;
  if (edit.changes.length === 0) {
    const what = config.undo ? "there is no edit to take back" : `${engine.name} uses the mirror already`;
    return `nothing to do: ${what}\n`;
  }
  const verb = config.undo ? "taken back" : "edited";
  const next = nextStep(report);
  const lines = [
    ...edit.notes,
    ...(config.dryRun ? ["dry run: nothing was changed"] : edit.changes.map((change) => outcome(report, change, verb))),
    ...(next === undefined || config.dryRun ? [] : [`now run: ${next}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** What `--json` prints. */
export function jsonOf(report: Report): unknown {
  const { engine, config, tree, edit } = report;
  const done = config.dryRun ? "planned" : config.undo ? "undone" : "edited";
  const next = nextStep(report);
  return {
    engine: engine.name,
    status: edit.changes.length === 0 ? "unchanged" : done,
    files: edit.changes.map((change) => ({
      path: tree.shown(change.path),
      action: actionOf(change),
      ...(hasBackup(report, change) ? { backup: tree.shown(backupOf(change.path)) } : {}),
      diff: unifiedDiff(tree.shown(change.path), change.before, change.after),
    })),
    notes: edit.notes,
    ...(next === undefined ? {} : { next }),
  };
}

function outcome(report: Report, change: Change, verb: string): string {
  const { tree } = report;
  const action = actionOf(change) === "edit" ? verb : `${actionOf(change)}d`;
  const backup = hasBackup(report, change) ? `, as it was in ${tree.shown(backupOf(change.path))}` : "";
  return `${action} ${tree.shown(change.path)}${backup}`;
}

function actionOf({ before, after }: Change): "create" | "remove" | "edit" {
  return before === undefined ? "create" : after === undefined ? "remove" : "edit";
}

function hasBackup({ edit }: Report, { path }: Change): boolean {
  return edit.originals.get(path) !== undefined;
}

/** Nothing runs below another root, and a hosts.toml is read at each pull. */
function nextStep({ engine, config, edit }: Report): string | undefined {
  const read = edit.changes.every(({ path }) => path.endsWith("/hosts.toml"));
  return config.root !== "/" || read ? undefined : engine.reload;
}
