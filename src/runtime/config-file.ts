// A configuration file: YAML with one flat mapping of setting names to values. Each value remembers its line.

import { readFile } from "node:fs/promises";
import { DragonflyError } from "../core/error.ts";
import type { Given } from "./resolve-settings.ts";
import { kebabCase } from "./setting.ts";

const maxBytes = 1 << 20;

/** What the file gives; undefined when it is `optional` and not there. */
export async function readConfigFile(path: string, optional: boolean): Promise<readonly Given[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" && optional) return undefined;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${String(code)})`;
    throw new DragonflyError("bad-config", `${path}: ${why}`, { cause: error });
  }
  if (text.length > maxBytes) throw new DragonflyError("bad-config", `${path}: too long for a configuration file`);
  return parseConfigFile(path, text);
}

export async function parseConfigFile(path: string, text: string): Promise<readonly Given[]> {
  // Most runs have no file, and dfget must start fast.
  const { isAlias, isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const lineOf = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  const [fault] = document.errors;
  if (fault !== undefined) {
    throw new DragonflyError("bad-config", `${lineOf(fault.pos[0])}: ${fault.message.split("\n")[0] ?? "not YAML"}`);
  }
  if (document.contents === null) return [];
  if (!isMap(document.contents)) throw new DragonflyError("bad-config", `${path}: not a mapping of keys to values`);

  // A number keeps its text: whether it may stand without a unit is for the setting to say.
  const rawOf = (node: unknown): unknown => {
    if (isAlias(node)) return rawOf(node.resolve(document));
    if (isScalar(node)) return typeof node.value === "number" ? (node.source ?? String(node.value)) : node.value;
    if (typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items) && !isMap(node)) {
      return node.items.map(rawOf);
    }
    return isMap(node) ? node.toJS(document) : node;
  };
  return document.contents.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : String(key);
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    return { name: kebabCase(name), raw: rawOf(value), source: lineOf(offset) };
  });
}
