// `dragonfly init`: points a container engine of this machine at the daemon's registry mirror, and takes that back.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { DragonflyError } from "../core/error.ts";
import { ConfigTree } from "../engine/config-tree.ts";
import type { Engine, Wish } from "../engine/engine.ts";
import { engines } from "../engine/engines.ts";
import { applyEdit, planInit, planUndo } from "../engine/init.ts";
import { loadConfig, type Surroundings, surroundings } from "../runtime/config.ts";
import { daemonSchema } from "../runtime/daemon-config.ts";
import type { Call, Command } from "./command.ts";
import { conclusion, jsonOf, preview } from "./init-report.ts";
import { type InitConfig, initSchema, wishOf } from "./init-settings.ts";
import type { Io } from "./io.ts";

export const init: Command = {
  description:
    "Points a container engine of this machine (docker, containerd, crio or podman) at the daemon's registry mirror, by " +
    "the smallest edit of the engine's own files. Shows the edit and asks, keeps a backup beside each file, and " +
    "replaces what an earlier run did. Where the mirror does not answer, the engine goes to the registry itself. " +
    "Docker mirrors docker.io only; podman and CRI-O the daemon's registry, and those that it is configured for.",
  operands: ["ENGINE"],
  settings: initSchema.settings,
  examples: [
    ["docker --dry-run", "only show what would be edited"],
    ["containerd --registry docker.io --registry registry.example:5000", "two registries"],
    ["podman --registry docker.io --registry quay.io", "where the daemon has quay.io among its registries"],
    ["podman --undo --yes", "as it was before, without asking"],
    ["containerd --root /mnt/image --yes", "in the file system of a machine to be"],
  ],
  async run({ program, flags, operands, io }) {
    const around = surroundings(io.env);
    const config = await loadConfig(initSchema, flags.filter(isOwn), around);
    const engine = engineNamed(operands[0]);
    const tree = await openTree(config.root);
    const edit = config.undo
      ? await planUndo(engine, tree)
      : await planInit(engine, tree, await wishFrom(engine, config, { flags, around }));

    const report = { engine, config, tree, edit };
    if (!config.json) io.stdout.write(preview(report));
    if (!config.dryRun) {
      if (edit.changes.length > 0 && !config.yes) await confirm(io, program, config.json);
      await applyEdit(tree, edit);
    }
    io.stdout.write(config.json ? `${JSON.stringify(jsonOf(report))}\n` : conclusion(report));
    return 0;
  },
};

/** `--config` names the daemon's file: this command has none. */
const isOwn = ({ name }: { readonly name: string }): boolean => name !== "config";

function engineNamed(name: string | undefined): Engine {
  const engine = engines.find((one) => one.name === name);
  if (engine !== undefined) return engine;
  const names = engines.map((one) => one.name).join(", ");
  const what = name === undefined ? "no engine" : `unknown engine "${name}"`;
  throw new DragonflyError("bad-usage", `${what}: say one of ${names}`);
}

async function openTree(root: string): Promise<ConfigTree> {
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() === true) return new ConfigTree(root);
  throw new DragonflyError("bad-usage", `--root: ${root} is no directory`);
}

async function wishFrom(
  engine: Engine,
  config: InitConfig,
  { flags, around }: { readonly flags: Call["flags"]; readonly around: Surroundings },
): Promise<Wish> {
  const place = { ...around.place, etc: join(config.root, around.place.etc) };
  // The variables of the machine that builds an image are not those of the image.
  const env = config.root === "/" ? around.env : {};
  const daemon = await loadConfig(
    daemonSchema,
    flags.filter((one) => !isOwn(one)),
    { env, place },
  );
  return wishOf(engine, config, daemon);
}

async function confirm({ stdin, stdout, stderr }: Io, program: string, json: boolean): Promise<void> {
  if (json || stdin?.isTTY !== true || stdout.isTTY !== true) {
    throw new DragonflyError("bad-usage", "nobody can be asked here: say --yes to edit, or --dry-run to look only");
  }
  const asking = createInterface({ input: stdin, output: stderr });
  try {
    const gone = new Promise<string>((resolve) => asking.once("close", () => resolve("\n")));
    asking.once("SIGINT", () => asking.close());
    const answer = await Promise.race([asking.question(`${program}: edit so? [y/N] `), gone]);
    if (answer === "\n") stderr.write("\n");
    if (!/^y(?:es)?$/i.test(answer.trim())) throw new DragonflyError("interrupted", "nothing was changed");
  } finally {
    asking.close();
  }
}
