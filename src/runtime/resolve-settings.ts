// From what was given, layer by layer, to one value a setting. Nothing is thrown here: every fault becomes a problem with its
// source, so that the caller can tell them all at once.

import { DragonflyError, type ErrorCode } from "../core/error.ts";
import { nearestName } from "./nearest-name.ts";
import type { Place, Setting, SettingTable, ValuesOf } from "./setting.ts";

export interface Given {
  readonly name: string;
  readonly raw: unknown;
  /** How to name it to the one who wrote it: `--upload-limit`, `DRAGONFLY_UPLOAD_LIMIT`, `daemon.yaml:3`. */
  readonly source: string;
}

/** Everything given in one place. Earlier layers win over later ones. */
export interface Layer {
  /** What an entry is called there. */
  readonly noun: "flag" | "variable" | "key" | "option";
  readonly given: readonly Given[];
  /** How a setting's name is spelled there, for "did you mean". */
  spell(name: string): string;
}

export interface Problem {
  readonly message: string;
  /** `bad-config` unless said otherwise. */
  readonly code?: ErrorCode;
}

export interface Resolution<S extends SettingTable> {
  /** Values that parsed; those with a problem are missing. */
  readonly values: Partial<ValuesOf<S>>;
  /** Where a value came from; undefined for defaults. */
  sourceOf(key: keyof S): string | undefined;
  readonly problems: readonly Problem[];
}

export function resolveSettings<S extends SettingTable>(
  table: S,
  layers: readonly Layer[],
  place: Place,
): Resolution<S> {
  const problems = new Map<string, Problem>();
  const add = (message: string, code: ErrorCode): unknown => problems.set(message, { message, code });
  const chosen = new Map<string, Given>();
  for (const layer of layers) {
    const inLayer = new Map<string, Given>();
    for (const given of layer.given) {
      const keys = keysNamed(table, given.name);
      if (keys.length === 0) add(unknownName(table, layer, given), layer.noun === "flag" ? "bad-usage" : "bad-config");
      for (const key of keys) {
        const other = inLayer.get(key);
        if (other !== undefined)
          add(`${other.source} and ${given.source} contradict each other: give one of them`, "bad-config");
        inLayer.set(key, given);
      }
    }
    for (const [key, given] of inLayer) if (!chosen.has(key)) chosen.set(key, given);
  }

  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(table)) {
    const given = chosen.get(key);
    try {
      if (given !== undefined) values[key] = setting.kind.parse(given.raw);
      else values[key] = setting.fallback === undefined ? undefined : setting.kind.parse(setting.fallback(place));
    } catch (error) {
      if (!(error instanceof DragonflyError)) throw error;
      add(`${given?.source ?? `the default of ${setting.name}`}: ${error.message}`, error.code);
    }
  }
  return {
    values: values as Partial<ValuesOf<S>>,
    sourceOf: (key) => chosen.get(String(key))?.source,
    problems: [...problems.values()],
  };
}

/** All names by which a setting may be given. */
export function namesOf(setting: Setting<unknown>): readonly string[] {
  return [setting.name, ...(setting.aliases ?? [])];
}

function keysNamed(table: SettingTable, name: string): readonly string[] {
  return Object.keys(table).filter((key) => {
    const setting = table[key];
    return setting !== undefined && namesOf(setting).includes(name);
  });
}

function unknownName(table: SettingTable, layer: Layer, given: Given): string {
  const nearest = nearestName(given.name, new Set(Object.values(table).flatMap(namesOf)));
  const hint = nearest === undefined ? "" : `, did you mean ${layer.spell(nearest)}?`;
  const where = given.source === layer.spell(given.name) ? "" : ` ${layer.spell(given.name)}`;
  return `${given.source}: unknown ${layer.noun}${where}${hint}`;
}
